"""The sparse space of the TF-IDF model: weighted word n-grams beside character n-grams.

It can be fitted, taken apart into plain lists and arrays, and rebuilt from them. The model on top of it is
``tfidf_model``.
"""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.text.tokens import canonical, terms

_WORDS: Final = {"tokenizer": terms, "token_pattern": None, "preprocessor": canonical, "ngram_range": (1, 2)}
_CHARACTERS: Final = {"analyzer": "char_wb", "preprocessor": canonical, "ngram_range": (2, 5)}


class TermSpace:
    """Word uni- and bigrams and character 2- to 5-grams, sublinear TF-IDF, either block of unit length."""

    def __init__(self, words: Any, characters: Any) -> None:
        self._vectorizers = (words, characters)

    @classmethod
    def fit(cls, texts: Sequence[str], rarest_word: int, rarest_characters: int, most_characters: int) -> "TermSpace":
        """Keep the word n-grams of ``rarest_word`` texts or more, and the most frequent character n-grams."""
        words = _vectorizer(_WORDS, min_df=rarest_word)
        characters = _vectorizer(_CHARACTERS, min_df=rarest_characters, max_features=most_characters)
        for vectorizer in (words, characters):
            vectorizer.fit(texts)
        return cls(words, characters)

    @classmethod
    def rebuild(cls, vocabularies: Sequence[Sequence[str]], idfs: Sequence[NDArray[np.float32]]) -> "TermSpace":
        """The inverse of ``vocabularies`` and ``idfs``."""
        rebuilt = []
        for options, vocabulary, idf in zip((_WORDS, _CHARACTERS), vocabularies, idfs, strict=True):
            vectorizer = _vectorizer(options, vocabulary=list(vocabulary))
            vectorizer.idf_ = idf
            rebuilt.append(vectorizer)
        return cls(*rebuilt)

    @property
    def vocabularies(self) -> tuple[list[str], list[str]]:
        words, characters = ([str(term) for term in v.get_feature_names_out()] for v in self._vectorizers)
        return words, characters

    @property
    def idfs(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        words, characters = (np.asarray(v.idf_, np.float32) for v in self._vectorizers)
        return words, characters

    def transform(self, texts: Sequence[str]) -> Any:
        """``scipy.sparse.csr_matrix``, ``float32``, shape ``(n_texts, n_terms)``."""
        from scipy.sparse import hstack

        return hstack([vectorizer.transform(texts) for vectorizer in self._vectorizers], format="csr")


def _vectorizer(options: dict[str, Any], **more: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    fixed: dict[str, Any] = {"sublinear_tf": True, "dtype": np.float32}
    return TfidfVectorizer(**options, **more, **fixed)
