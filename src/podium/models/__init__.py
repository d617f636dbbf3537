"""Models: one protocol for every provider, and each call a step with its usage and its price."""
