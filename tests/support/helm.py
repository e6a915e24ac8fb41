"""Values of a chart out of several files."""

from typing import Any


def laid_over(below: dict[str, Any], above: dict[str, Any]) -> dict[str, Any]:
    """As Helm lays one file of values over another."""
    both = {
        key: laid_over(below[key], above[key]) for key in below.keys() & above.keys() if isinstance(above[key], dict)
    }
    return below | above | both
