"""The command."""

import argparse

from collections.abc import Sequence
from typing import TextIO

from fold.wrapping import wrap


def main(arguments: Sequence[str], source: TextIO, target: TextIO) -> int:
    """Wrap what is in one file into another; return the exit code."""
    parser = argparse.ArgumentParser(prog="fold", description="Wraps text.")
    parser.add_argument("--width", type=positive, default=72, metavar="N")
    options = parser.parse_args(arguments)
    target.write(wrap(source.read(), options.width))
    return 0


def positive(text: str) -> int:
    """Read a number that is at least 1."""
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"{number} is less than 1")
    return number
