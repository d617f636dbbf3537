"""Payloads: how values of any size get into the journal, and come back byte for byte.

A value under 4 kB is its own envelope. Of a larger one only long strings, long lists and large
named parts go into blobs, and of these only what the family (a run with its children and forks)
does not have yet:

- a blob that is there already is found by its keyed digest;
- a list that continues a remembered one is stored as that list and its new items, one that was
  edited or lost its front as ranges of the remembered one and what is new (``cache``);
- any other list is cut into runs at content-defined ends (``parts``).

So a conversation of 2,000 turns costs about its messages, not their square. The written form is in
``text``. Everything here is a pure function of what it is given: no I/O, no clock.
"""

from __future__ import annotations

from podium.journal.payload.blobs import BlobSink as BlobSink
from podium.journal.payload.blobs import BlobSource as BlobSource
from podium.journal.payload.cache import PayloadCache as PayloadCache
from podium.journal.payload.family import FamilyPayloads as FamilyPayloads
from podium.journal.payload.pack import Sizes as Sizes
from podium.journal.payload.text import HEAD as HEAD
from podium.journal.payload.text import references as references

__all__ = [
    "HEAD",
    "BlobSink",
    "BlobSource",
    "FamilyPayloads",
    "PayloadCache",
    "Sizes",
    "references",
]
