"""The contract of the 42 linguistic features: name, unit, range and meaning of each, in column order.

Pure data, so that tables, documentation and extractor share one list. The features are computed in ``features``; the
word lists that some of them count are in ``lexicons``.
"""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Feature:
    """One column of the feature matrix; values lie in ``[minimum, maximum]``, None being no upper bound."""

    name: str
    unit: str
    minimum: float
    maximum: float | None
    meaning: str


def _share(name: str, meaning: str, unit: str = "share of tokens") -> Feature:
    return Feature(name, unit, 0.0, 1.0, meaning)


# The eight emotions and two polarities of NRC EmoLex (Mohammad and Turney, 2013, "Crowdsourcing a Word-Emotion
# Association Lexicon", Computational Intelligence 29:3).
NRC_CATEGORIES: Final = (
    "anger",
    "anticipation",
    "disgust",
    "fear",
    "joy",
    "sadness",
    "surprise",
    "trust",
    "positive",
    "negative",
)

# The universal part-of-speech tags (Petrov, Das and McDonald, 2012, "A Universal Part-of-Speech Tagset", LREC) without
# punctuation; ``other`` is their X: interjections, foreign words, single letters, what cannot be tagged.
POS_TAGS: Final = (
    "noun",
    "verb",
    "adjective",
    "adverb",
    "pronoun",
    "determiner",
    "adposition",
    "conjunction",
    "numeral",
    "particle",
    "other",
)

# How many frozen components the TF-IDF vector of a text is projected onto.
TFIDF_COMPONENTS: Final = 4

_NRC = tuple(
    _share(
        f"nrc_{category}",
        f"associations with {category} among all EmoLex associations of the text's words",
        "share of EmoLex associations",
    )
    for category in NRC_CATEGORIES
)
_POS = tuple(
    _share(
        f"pos_{tag}",
        f"words tagged {tag} in the universal tag set; a contraction counts as its parts",
        "share of tagged words",
    )
    for tag in POS_TAGS
)
_TFIDF = (
    *(
        Feature(
            f"tfidf_component_{number}",
            "cosine",
            -1.0,
            1.0,
            f"the unit-length TF-IDF vector of the text projected onto frozen latent component {number}",
        )
        for number in range(1, TFIDF_COMPONENTS + 1)
    ),
    Feature(
        "tfidf_mean_idf", "nats", 0.0, None, "mean inverse document frequency of the known words: how rare they are"
    ),
    _share("tfidf_unseen_share", "tokens that the frozen vocabulary does not hold"),
)
_SURFACE = (
    Feature("token_count", "tokens", 0.0, None, "words and numbers in the text"),
    Feature("mean_word_length", "characters", 0.0, None, "mean length of the tokens"),
    _share("lexical_variety", "different tokens, case folded, divided by all tokens", "type-token ratio"),
    _share("capitals_share", "tokens of two or more letters written wholly in capitals"),
    _share("elongation_share", "tokens that repeat one letter three times or more (sooo)"),
    Feature("exclamation_count", "marks", 0.0, None, "exclamation marks in the text"),
    Feature(
        "question", "0 or 1", 0.0, 1.0, "a question mark, or the opening of a question where a transcript has no marks"
    ),
    Feature("emoji_count", "emoji", 0.0, None, "emoji and typed emoticons in the text"),
)
_PRAGMATIC = (
    _share("negation_share", "not, never, nothing, contractions with n't"),
    _share("intensifier_share", "very, really, absolutely and the like"),
    _share("hedge_share", "maybe, perhaps, I guess, kind of and the like"),
    _share("first_person_share", "I, me, my, we, us, our and their contractions"),
    _share("second_person_share", "you, your, yours and their contractions"),
    _share("filler_share", "um, uh, you know, I mean and the like"),
    _share("laughter_share", "written or transcribed laughter: haha, lol"),
)

# All 42, in the order of the columns that ``FeatureExtractor.extract`` returns.
FEATURES: Final[tuple[Feature, ...]] = (*_NRC, *_POS, *_TFIDF, *_SURFACE, *_PRAGMATIC)

FEATURE_NAMES: Final[tuple[str, ...]] = tuple(feature.name for feature in FEATURES)
