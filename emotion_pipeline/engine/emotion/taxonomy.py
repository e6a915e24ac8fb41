"""The emotions of the project, and how the vocabularies of its data map onto them. Pure data.

GoEmotions' 28 labels: Demszky et al. (2020), "GoEmotions: A Dataset of Fine-Grained Emotions", ACL. The Ekman grouping
is theirs too. Models decide which labels a text has.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

# GoEmotions' labels in the order of their ids.
LABELS: Final[tuple[str, ...]] = (
    "admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion", "curiosity", "desire",
    "disappointment", "disapproval", "disgust", "embarrassment", "excitement", "fear", "gratitude", "grief", "joy",
    "love", "nervousness", "optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise", "neutral",
)  # fmt: skip

# Ekman's six emotions and neutral; a text belongs to a group when any of its labels does.
EKMAN: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "anger": ("anger", "annoyance", "disapproval"),
    "disgust": ("disgust",),
    "fear": ("fear", "nervousness"),
    "joy": ("joy", "amusement", "approval", "excitement", "gratitude", "love", "optimism", "relief", "pride",
            "admiration", "desire", "caring"),
    "sadness": ("sadness", "disappointment", "embarrassment", "grief", "remorse"),
    "surprise": ("surprise", "realization", "confusion", "curiosity"),
    "neutral": ("neutral",),
})  # fmt: skip

# GoEmotions' grouping by sentiment, which is that of the Ekman groups below it.
SENTIMENT_GROUPS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType({
    "positive": EKMAN["joy"],
    "negative": (*EKMAN["anger"], *EKMAN["disgust"], *EKMAN["fear"], *EKMAN["sadness"]),
    "ambiguous": EKMAN["surprise"],
    "neutral": EKMAN["neutral"],
})  # fmt: skip

HAPPINESS: Final = "Happiness"
ANGER: Final = "Anger"
SADNESS: Final = "Sadness"
NEUTRAL: Final = "Neutral"
OTHER: Final = "Other"

# Neutral and Other are there so that a model is never forced to name an emotion that is not one of the three.
BASE_EMOTIONS: Final[tuple[str, ...]] = (HAPPINESS, ANGER, SADNESS, NEUTRAL, OTHER)

THREE_BASES: Final[tuple[str, ...]] = (HAPPINESS, ANGER, SADNESS)

# The labels that name a base emotion or one of its sub-emotions outright, by which base accuracy is measured.
CORE_BASE_OF: Final[Mapping[str, str]] = MappingProxyType(
    {
        "joy": HAPPINESS,
        "amusement": HAPPINESS,
        "pride": HAPPINESS,
        "anger": ANGER,
        "annoyance": ANGER,
        "sadness": SADNESS,
        "grief": SADNESS,
        "disappointment": SADNESS,
    }
)

# The base emotion of each label: its Ekman group where that is joy, anger or sadness; fear, disgust and the group of
# surprise are Other. A grateful or excited caller is happy, though neither label is one of the sub-emotions.
BASE_OF: Final[Mapping[str, str]] = MappingProxyType(
    dict.fromkeys(LABELS, OTHER)
    | dict.fromkeys(EKMAN["joy"], HAPPINESS)
    | dict.fromkeys(EKMAN["anger"], ANGER)
    | dict.fromkeys(EKMAN["sadness"], SADNESS)
    | {"neutral": NEUTRAL}
)

SUB_EMOTIONS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        HAPPINESS: ("Joy", "Amusement", "Pride"),
        ANGER: ("Annoyance", "Rage"),
        SADNESS: ("Grief", "Disappointment"),
        NEUTRAL: (),
        OTHER: (),
    }
)

# GoEmotions' anger is Rage; its sadness goes with the base emotion Sadness and with no sub-emotion.
LABEL_OF_SUB: Final[Mapping[str, str]] = MappingProxyType(
    {
        "Joy": "joy",
        "Amusement": "amusement",
        "Pride": "pride",
        "Annoyance": "annoyance",
        "Rage": "anger",
        "Grief": "grief",
        "Disappointment": "disappointment",
    }
)

# The classes 1, 2, 3 of SemEval-2018 Task 1 EI-oc; its class 0 means that the emotion is absent.
INTENSITIES: Final[tuple[str, ...]] = ("Mild", "Moderate", "Intense")

# The emotions for which EI-oc grades intensity (Mohammad et al., 2018, "SemEval-2018 Task 1: Affect in Tweets").
INTENSITY_DIMENSIONS: Final[tuple[str, ...]] = ("anger", "fear", "joy", "sadness")

# Which graded emotion tells the intensity of a base emotion; Neutral and Other have none.
DIMENSION_OF_BASE: Final[Mapping[str, str]] = MappingProxyType({HAPPINESS: "joy", ANGER: "anger", SADNESS: "sadness"})

# How many raw scores a model gives a text, in this order: labels, base emotions, sub-emotions, intensity steps.
N_LABELS: Final = len(LABELS)
N_BASES: Final = len(BASE_EMOTIONS)
N_SUBS: Final = len(LABEL_OF_SUB)
# Ordinal steps of each intensity: at least mild, at least moderate, intense.
STEPS: Final = len(INTENSITIES)
# Labels and base emotions, which every kind of model scores.
HEADS: Final = N_LABELS + N_BASES
# All scores of the encoder's network.
RAW: Final = HEADS + N_SUBS + len(INTENSITY_DIMENSIONS) * STEPS
