"""What holds for every test: the long proofs are a seeded sample unless asked for in full."""

import os

from pathlib import Path

from hypothesis import settings

# The weights that `make setup` fetched, for the tests and the processes that they start. Tests share the
# cores, and threads that compute one product together wait for each other by spinning.
os.environ.setdefault("PODIUM_MODELS", str(Path(__file__).parents[1] / ".weights"))
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("PODIUM_LOCAL_THREADS", "1")

# No test asserts a time, so Hypothesis may not either. The sample is the same on each machine; the full
# proof draws new examples each time.
settings.register_profile("sample", deadline=None, derandomize=True, database=None)
settings.register_profile("full", deadline=None, database=None, print_blob=True)
settings.load_profile("full" if os.environ.get("PODIUM_PROOF") == "full" else "sample")
