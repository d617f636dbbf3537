"""From data to a document: every word is read, and everything that is no such word is a finding."""

from podium.flow.parse.document import Parsed, TakeIn, Taken, canonical, encoded, parse

__all__ = ["Parsed", "TakeIn", "Taken", "canonical", "encoded", "parse"]
