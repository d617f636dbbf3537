"""Verification: gates that judge a value, verdicts as data, and what happens to what is refused."""
