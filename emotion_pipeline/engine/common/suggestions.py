"""Hints for error messages about names that do not exist."""

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, names: Iterable[str], cutoff: float = 0.6) -> str:
    """Return ``"; did you mean 'nearest'?"``, empty where none of ``names`` is similar.

    :param cutoff: the least similarity, from 0 to 1
    """
    near = difflib.get_close_matches(name, list(names), n=1, cutoff=cutoff)
    return f"; did you mean {near[0]!r}?" if near else ""
