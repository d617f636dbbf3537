"""Databases of the user's: transactions that happen exactly once, and tools made of statements."""
