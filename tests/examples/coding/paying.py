"""The model `function:paying`: says what is written down, and keeps a book of each call that it answers.

Workers of tests import it beside the workflow. ``$CODING_BOOK`` is its book: a line for each call.
"""

import asyncio
import hashlib
import os

from pathlib import Path
from typing import Any

import msgspec

from examples.coding import workflow  # noqa: F401 - for the workers that import this module
from examples.coding.recorded import model
from podium.models import Request, function_model

THINKS_S = 0.05


def book() -> list[str]:
    """The calls that were answered, in order: a hash of each request."""
    path = Path(os.environ["CODING_BOOK"])
    return path.read_text().split() if path.exists() else []


@function_model("paying")
async def paying(request: Request) -> Any:
    """Write a call into the book, take a while, and answer."""
    mark = hashlib.sha256(msgspec.json.encode(request.messages)).hexdigest()[:16]
    handle = os.open(os.environ["CODING_BOOK"], os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.write(handle, f"{mark}\n".encode())
    os.close(handle)
    await asyncio.sleep(THINKS_S)
    return model.short(request)(request)
