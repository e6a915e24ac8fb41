"""How far model and people agree on the segments that people reviewed, over all and by week.

Kappa is Cohen's (1960, "A coefficient of agreement for nominal scales"): agreement beyond what the frequencies of the
labels would give by chance.
"""

import math
from dataclasses import asdict, dataclass
from typing import Any, Final

import pandas as pd
from sklearn.metrics import cohen_kappa_score

# Nearer to 0 a sentiment counts as neutral, as it does where the marts say how a call ends.
_NEUTRAL: Final = 0.25
_JUDGED: Final = ("tone", "emotion", "sentiment")


@dataclass(frozen=True, slots=True)
class Agreement:
    """``n`` labels of people, the share that the model's equals, and kappa; null where all labels are one."""

    n: int
    agreement: float | None
    kappa: float | None


@dataclass(frozen=True, slots=True)
class ReviewsEvaluation:
    """The figures of ``emotion-clf evaluate reviews``: by what was judged, and the same by week, by its Monday."""

    n: int
    tone: Agreement
    emotion: Agreement
    sentiment: Agreement
    weeks: dict[str, dict[str, Agreement]]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def evaluate_reviews(reviews: pd.DataFrame) -> ReviewsEvaluation:
    """Compare people's labels with what the model had said when they were written.

    :param reviews: rows of the table ``reviews``; a week is that in which a review was written
    """
    score = reviews["model_sentiment_score"].astype(float)
    compared = reviews.assign(
        model_sentiment=score.map(_sentiment), week=pd.to_datetime(reviews["reviewed_at"]).map(_monday)
    )
    weeks = {
        str(week): {name: _agreement(rows, name) for name in _JUDGED}
        for week, rows in compared.groupby("week", sort=True)
    }
    return ReviewsEvaluation(len(reviews), *(_agreement(compared, name) for name in _JUDGED), weeks=weeks)


def _agreement(rows: pd.DataFrame, name: str) -> Agreement:
    judged = rows[rows[name].notna() & rows[f"model_{name}"].notna()]
    if judged.empty:
        return Agreement(0, None, None)
    people, model = judged[name].astype(str), judged[f"model_{name}"].astype(str)
    labels = sorted({*people, *model})
    kappa = float(cohen_kappa_score(people, model, labels=labels)) if len(labels) > 1 else math.nan
    return Agreement(len(judged), float((people == model).mean()), None if math.isnan(kappa) else kappa)


def _sentiment(score: float) -> str | None:
    if math.isnan(score):
        return None
    return "positive" if score > _NEUTRAL else "negative" if score < -_NEUTRAL else "neutral"


def _monday(at: pd.Timestamp) -> str:
    return (at - pd.Timedelta(days=at.weekday())).date().isoformat()
