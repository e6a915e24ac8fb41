"""Tells whether tests of every single case try every single case, which takes minutes: ``make test-full`` sets it."""

import os
from typing import Final

THOROUGH: Final = os.environ.get("TESTS") == "thorough"
# Which of the cases are tried: each, or each third.
EVERY: Final = 1 if THOROUGH else 3
