"""Where an unexpected error arose, for the log: its message may hold secrets, its type and place do not."""

import traceback
from pathlib import PurePath
from typing import Final

_PROJECT: Final = "emotion_pipeline"


def error_location(error: BaseException) -> str:
    """Return the innermost frame of an error in this project as ``module.py:line function``, without a path."""
    frames = traceback.extract_tb(error.__traceback__)
    if not frames:
        return "unknown"
    ours = [frame for frame in frames if _PROJECT in PurePath(frame.filename).parts]
    last = (ours or frames)[-1]
    return f"{PurePath(last.filename).name}:{last.lineno} {last.name}"
