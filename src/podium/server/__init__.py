"""Podium as a service to others: its workflows, by the protocols that they speak."""
