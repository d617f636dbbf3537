"""Wraps text."""

from fold.wrapping import wrap

__all__ = ["wrap"]
