"""The numbers that stand at the head of a page, what they are called and how they are written, here and there alike."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

import pandas as pd

# Whether more is good (normal), bad (inverse) or neither.
Leaning: TypeAlias = Literal["normal", "inverse", "off"]
NONE: Final = "–"


@dataclass(frozen=True, slots=True)
class Figure:
    """A number of ``queries.OVERVIEW``: its name for people, its column, its notation, and what more of it means."""

    label: str
    column: str
    notation: str
    leaning: Leaning
    meaning: str | None = None

    def of(self, row: Mapping[str, Any]) -> str:
        return written(row[self.column], self.notation)

    def change(self, now: Mapping[str, Any], before: Mapping[str, Any]) -> str | None:
        """Return the difference with its sign; None where one of the two is not known, or none is to be seen."""
        if pd.isna(now[self.column]) or pd.isna(before[self.column]):
            return None
        written = format(now[self.column] - before[self.column], f"+{self.notation.removeprefix('+')}")
        return written if any(digit in written for digit in "123456789") else None


OVERVIEW_FIGURES: Final = (
    Figure("Calls", "calls", ",.0f", "off"),
    Figure("Minutes spoken", "spoken_minutes", ",.1f", "off"),
    Figure(
        "Share negative",
        "share_negative",
        ".0%",
        "inverse",
        "Segments whose words are negative, of those that were scored.",
    ),
    Figure(
        "Masked anger",
        "share_masked_anger",
        ".1%",
        "inverse",
        "Segments in which an angry voice speaks words that are not, of those that were judged.",
    ),
    Figure("Mean sentiment", "mean_sentiment", "+.2f", "normal", "From -1 to 1, by words."),
    Figure("Uncertain", "share_uncertain", ".0%", "inverse", "Segments of which a model said that it is not sure."),
)


def written(value: Any, notation: str, unit: str = "") -> str:
    """Return a number in Python's notation with its unit, or a dash where there is none."""
    return NONE if pd.isna(value) else format(value, notation) + unit


def call_figures(call: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the numbers of a row of ``fct_calls`` that are seen first, each with its name."""
    return [
        ("Length", f"{call['recording_seconds']:.0f} s"),
        ("Sounds", call["emotion"] or NONE),
        ("Sentiment", written(call["sentiment_score"], "+.2f")),
        ("Interruptions", written(call["interruptions"], ".0f")),
        ("Longest silence", written(call["longest_non_talk_seconds"], ".1f", " s")),
        ("Agent talks", written(call["agent_talk_share"], ".0%")),
        ("Escalated", "yes" if call["escalated"] is True or call["escalated"] == 1 else "no"),
    ]
