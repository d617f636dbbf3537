"""Chains of calls: database, transformation, CRM; in a row, with conditions, in a loop."""
