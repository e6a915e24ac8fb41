"""Cutting an utterance into stretches of a length that the functionals are made for.

Where speech is, and where a segment begins, is decided elsewhere; a window here is blind arithmetic on samples.
"""

import itertools
import math
from typing import Final

from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel

# Seconds: an utterance of up to this length is one window, a longer one is cut into equal windows of 5 to 10 s.
LONGEST: Final = 10.0


def windows(samples: Channel) -> list[Channel]:
    """Views of equal length (to a sample) that cover ``samples``, shape ``(n_samples,)``, in order; at least one."""
    count = max(1, math.ceil(len(samples) / (LONGEST * SAMPLE_RATE)))
    edges = [round(i * len(samples) / count) for i in range(count + 1)]
    return [samples[start:stop] for start, stop in itertools.pairwise(edges)]
