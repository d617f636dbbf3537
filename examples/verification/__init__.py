"""Answers with quotes: what is not in the sources is refused, told why, and written again."""
