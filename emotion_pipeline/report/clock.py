"""Times of a call as people write them, for commands and pages alike."""


def clock(seconds: float) -> str:
    """Return a time of a call as people write it: 1:05."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
