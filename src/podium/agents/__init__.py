"""Agents, plans and verification: ordinary programs over the Context.

They use what every user of Podium has, and know no engine and no journal.
"""
