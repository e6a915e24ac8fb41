"""The 42 linguistic features of a text, computed in batches.

Their meanings are in ``feature_table``; tagging, lexicons and the TF-IDF space have modules of their own. What a word
contributes is computed once and cached, so a text costs little more than the sum over its words.
"""

import hashlib
import re
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.text import lexicons, tagging
from emotion_pipeline.engine.text.emolex import EmotionLexicon
from emotion_pipeline.engine.text.feature_table import FEATURE_NAMES, NRC_CATEGORIES, POS_TAGS
from emotion_pipeline.engine.text.tfidf_components import TfidfProjection
from emotion_pipeline.engine.text.tokens import EMOJI, canonical, words

# Raised whenever a feature is computed differently, so that stored rows are recognised as stale. Word lists, lexicon
# and tagger speak for themselves in the fingerprint.
VERSION: Final = "1"

# Bound of the word cache; at 29 numbers a word it takes about 15 MB when full.
REMEMBERED_WORDS: Final = 65_536

# Characters of a token that are looked at, so that the cache is bounded in bytes too; no listed word is longer.
_LONGEST_WORD: Final = 64

_BATCH: Final = 2_048
_ELONGATED: Final = re.compile(r"([^\W\d_])\1\1", re.IGNORECASE)

# Columns of a word's row: EmoLex counts, tag counts, then these.
_FLAGS: Final = ("capitals", "elongation", "negation", "intensifier", "hedge", "first_person", "second_person",
                 "filler", "laughter")  # fmt: skip
_NRC: Final = slice(0, len(NRC_CATEGORIES))
_POS: Final = slice(_NRC.stop, _NRC.stop + len(POS_TAGS))
_FLAG_COLUMN: Final = {name: _POS.stop + index for index, name in enumerate(_FLAGS)}
_WIDTH: Final = _POS.stop + len(_FLAGS)


class FeatureExtractor:
    """Turns texts into a matrix of the 42 features; safe to share between threads.

    ``lexicon`` is a JSON file to use in place of the EmoLex that NRCLex carries, ``projection`` a folder written by
    ``fit_projection`` to use in place of the shipped TF-IDF space. Raises ``BackendUnavailableError`` for a lexicon
    that cannot be used and ``ArtefactError`` for a damaged projection.
    """

    def __init__(self, lexicon: Path | None = None, projection: Path | None = None) -> None:
        self._lexicon = EmotionLexicon(lexicon)
        self._projection = TfidfProjection.load(projection)
        self._word_row = lru_cache(maxsize=REMEMBERED_WORDS)(self._compute_word_row)
        parts = (VERSION, *FEATURE_NAMES, *lexicons.CONTENT, tagging.version())
        identity = "|".join((*parts, self._lexicon.sha256, self._projection.fingerprint))
        self.fingerprint = f"linguistic:42:{VERSION}:{hashlib.sha256(identity.encode()).hexdigest()[:12]}"

    def extract(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """``float32``, shape ``(n_texts, 42)``, columns as in ``FEATURES``, finite for any string."""
        batches = [self._extract_batch(texts[start : start + _BATCH]) for start in range(0, len(texts), _BATCH)]
        return np.vstack([np.zeros((0, len(FEATURE_NAMES)), np.float32), *batches])

    def _extract_batch(self, texts: Sequence[str]) -> NDArray[np.float32]:
        tokens = [words(text) for text in texts]
        sums = self._sum_word_rows(tokens)
        surface = [_surface(text, row) for text, row in zip(texts, tokens, strict=True)]
        counts = np.array([len(row) for row in tokens], np.float32)
        columns = {
            **_named("nrc", NRC_CATEGORIES, _normalised(sums[:, _NRC])),
            **_named("pos", POS_TAGS, _normalised(sums[:, _POS])),
            **_named("tfidf", ("component_1", "component_2", "component_3", "component_4", "mean_idf", "unseen_share"),
                     self._projection.transform(tokens)),
            **dict(zip(_SURFACE_NAMES, np.array(surface, np.float32).reshape(len(texts), -1).T, strict=True)),
            "token_count": counts,
        }  # fmt: skip
        phrases = {"hedge": columns.pop("hedge_phrases"), "filler": columns.pop("filler_phrases")}
        for name, column in _FLAG_COLUMN.items():
            # A phrase of several words counts once, so a share cannot pass 1 unless its words are listed as well.
            share = (sums[:, column] + phrases.get(name, 0.0)) / np.maximum(counts, 1.0)
            columns[f"{name}_share"] = np.minimum(share, 1.0)
        return np.column_stack([columns[name] for name in FEATURE_NAMES]).astype(np.float32)

    def _sum_word_rows(self, tokens: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        sums = np.zeros((len(tokens), _WIDTH), np.float32)
        for index, row in enumerate(tokens):
            if row:
                sums[index] = np.sum([self._word_row(word[:_LONGEST_WORD]) for word in row], axis=0)
        return sums

    def _compute_word_row(self, word: str) -> NDArray[np.float32]:
        row = np.zeros(_WIDTH, np.float32)
        row[_NRC] = self._lexicon.associations(word)
        for tag in tagging.tag_word(word):
            row[_POS.start + POS_TAGS.index(tag)] += 1
        for name in _flags(word):
            row[_FLAG_COLUMN[name]] = 1
        return row


def _flags(word: str) -> list[str]:
    form = canonical(word)
    checks = {
        "capitals": len(word) > 1 and word.isalpha() and word.isupper(),
        "elongation": _ELONGATED.search(word) is not None,
        "negation": form in lexicons.NEGATIONS,
        "intensifier": form in lexicons.INTENSIFIERS,
        "hedge": form in lexicons.HEDGES,
        "first_person": form in lexicons.FIRST_PERSON,
        "second_person": form in lexicons.SECOND_PERSON,
        "filler": form in lexicons.FILLERS,
        "laughter": lexicons.LAUGHTER.fullmatch(form) is not None,
    }
    return [name for name, holds in checks.items() if holds]


_SURFACE_NAMES: Final = ("mean_word_length", "lexical_variety", "exclamation_count", "question", "emoji_count",
                         "hedge_phrases", "filler_phrases")  # fmt: skip


def _surface(text: str, tokens: Sequence[str]) -> tuple[float, ...]:
    forms = [canonical(token) for token in tokens]
    joined = " ".join(forms)
    count = max(len(forms), 1)
    return (
        sum(map(len, tokens)) / count,
        len(set(forms)) / count,
        float(text.count("!")),
        float("?" in text or lexicons.QUESTION_OPENING.match(joined) is not None),
        float(len(EMOJI.findall(text))),
        float(len(lexicons.HEDGE_PHRASES.findall(joined))),
        float(len(lexicons.FILLER_PHRASES.findall(joined))),
    )


def _normalised(counts: NDArray[np.float32]) -> NDArray[np.float32]:
    return counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0)


def _named(prefix: str, names: Sequence[str], matrix: NDArray[np.float32]) -> dict[str, NDArray[np.float32]]:
    return {f"{prefix}_{name}": matrix[:, index] for index, name in enumerate(names)}
