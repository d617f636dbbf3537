"""What holds for every test: the long proofs are a seeded sample unless asked for in full."""

import os

from hypothesis import settings

# No test asserts a time, so Hypothesis may not either. The sample is the same on each machine; the full
# proof draws new examples each time.
settings.register_profile("sample", deadline=None, derandomize=True, database=None)
settings.register_profile("full", deadline=None, database=None, print_blob=True)
settings.load_profile("full" if os.environ.get("PODIUM_PROOF") == "full" else "sample")
