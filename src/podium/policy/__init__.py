"""Resilience as pure decisions: (state, event, now, config) → (state, decision)."""
