"""``python -m fold``."""

import sys

from fold.command import main

sys.exit(main(sys.argv[1:], sys.stdin, sys.stdout))
