"""Shares and means of a table's rows that the UI plots over the days; absent where there is nothing to take them of."""

from collections.abc import Iterable

import pandas as pd


def share(name: str, holds: pd.Series) -> dict[str, float]:
    """Return ``share_<name>``, the share in [0, 1] of the rows for which ``holds``; unknown counts as no."""
    return {f"share_{name}": round(float((holds == True).mean()), 4)} if len(holds) else {}  # noqa: E712  (nulls)


def shares(values: pd.Series, classes: Iterable[str]) -> dict[str, float]:
    """Return ``share_<class>`` of every class, those that no row has too: a plot must not break off."""
    return {key: part for name in classes for key, part in share(name, values == name).items()}


def mean(name: str, values: pd.Series) -> dict[str, float]:
    """Return ``mean_<name>`` of the values that are known."""
    known = values.dropna().astype(float)
    return {f"mean_{name}": round(float(known.mean()), 4)} if len(known) else {}
