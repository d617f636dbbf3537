"""What every store must do, sentence by sentence: run it against a store of your own.

::

    @pytest.mark.parametrize("check", store_conformance.CHECKS, ids=lambda check: check.__name__)
    def test_conformance(check, subject):
        check(subject)

where ``subject`` is a :class:`Subject`. A check's docstring is the sentence it proves.
"""

from __future__ import annotations

# Each lists its checks when it is imported, in the order of the protocol.
from podium.testing.store_conformance import writing  # isort: skip
from podium.testing.store_conformance import reading  # isort: skip
from podium.testing.store_conformance import workers  # isort: skip
from podium.testing.store_conformance.subject import CHECKS, Check, Subject

__all__ = ["CHECKS", "Check", "Subject", "reading", "workers", "writing"]
