"""The frozen TF-IDF space behind six of the 42 features: a vocabulary, its weights and four latent components.

It is fitted once, apart from any emotion model, so that a feature keeps its meaning when models are retrained.
Components are those of latent semantic analysis (Deerwester et al., 1990, JASIS 41:6): a truncated singular value
decomposition.
"""

from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.models.artefact import Artefact, read_artefact, write_artefact
from emotion_pipeline.engine.text.feature_table import TFIDF_COMPONENTS
from emotion_pipeline.engine.text.tokens import canonical

BACKEND: Final = "tfidf-projection"
SHIPPED: Final = Path(__file__).parent / "weights"
_MINIMUM_DOCUMENTS: Final = 5


class TfidfProjection:
    """Maps token lists to six numbers; read-only, hence safe to share between threads."""

    def __init__(self, artefact: Artefact) -> None:
        self._artefact = artefact
        self.fingerprint = artefact.fingerprint

    @classmethod
    def load(cls, folder: Path | None = None) -> "TfidfProjection":
        """The projection in ``folder``, by default the shipped one; raises ``ArtefactError`` where it is damaged."""
        return _load((folder or SHIPPED).resolve())

    @cached_property
    def _vectorizer(self) -> Any:
        vectorizer = _new_vectorizer(vocabulary=list(self._artefact.terms["vocabulary"]))
        vectorizer.idf_ = self._artefact.tensor("idf")
        return vectorizer

    @cached_property
    def _components(self) -> NDArray[np.float32]:
        return self._artefact.tensor("components")

    def transform(self, tokens: Sequence[Sequence[str]]) -> NDArray[np.float32]:
        """``float32``, shape ``(n, TFIDF_COMPONENTS + 2)``: components, mean idf of known words, share unseen."""
        counts = self._vectorizer.transform(tokens)
        present = (counts > 0).astype(np.float32)
        distinct = np.asarray(present.sum(axis=1)).ravel()
        mean_idf = (present @ self._vectorizer.idf_) / np.maximum(distinct, 1)
        vocabulary = self._vectorizer.vocabulary_
        unseen = [sum(canonical(token) not in vocabulary for token in row) / max(len(row), 1) for row in tokens]
        projected = np.clip(counts @ self._components.T, -1.0, 1.0)
        return np.column_stack([projected, mean_idf, unseen]).astype(np.float32)


def fit_projection(
    texts: Sequence[Sequence[str]], output: Path, provenance: Mapping[str, Any], seed: int = 0
) -> TfidfProjection:
    """Fit vocabulary, weights and components on tokenised texts and write them to ``output``.

    ``provenance`` goes on the card: the command, the data and its terms.
    Raises ``TrainingDataError`` where the texts hold too few recurring words for the components.
    """
    from sklearn.decomposition import TruncatedSVD
    from threadpoolctl import threadpool_limits

    try:
        vectorizer = _new_vectorizer(min_df=_MINIMUM_DOCUMENTS)
        weighted: Any = vectorizer.fit_transform(texts)
    except ValueError as error:
        raise TrainingDataError(f"No word occurs in {_MINIMUM_DOCUMENTS} of the {len(texts)} texts: {error}") from error
    vocabulary = [str(term) for term in vectorizer.get_feature_names_out()]
    if len(vocabulary) <= TFIDF_COMPONENTS:
        raise TrainingDataError(f"Only {len(vocabulary)} words recur in the {len(texts)} texts: give more text.")
    # Sums over several threads round differently from run to run; with one the same texts give the same bytes.
    with threadpool_limits(1):
        decomposition: Any = TruncatedSVD(TFIDF_COMPONENTS, random_state=seed).fit(weighted)
    tensors = {
        "idf": vectorizer.idf_.astype(np.float32),
        "components": decomposition.components_.astype(np.float16),
    }
    card = {
        "backend": BACKEND,
        "name": "goemotions",
        "version": "1",
        **provenance,
        "texts": len(texts),
        "explained_variance": round(float(decomposition.explained_variance_ratio_.sum()), 4),
    }
    write_artefact(output, card, tensors, {"vocabulary": vocabulary})
    _load.cache_clear()
    return TfidfProjection.load(output)


def _new_vectorizer(**options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    fixed: dict[str, Any] = {"analyzer": _canonical_tokens, "sublinear_tf": True, "dtype": np.float32}
    return TfidfVectorizer(**fixed, **options)


def _canonical_tokens(tokens: Sequence[str]) -> list[str]:
    return [canonical(token) for token in tokens]


@lru_cache(maxsize=4)
def _load(folder: Path) -> TfidfProjection:
    return TfidfProjection(read_artefact(folder, BACKEND))
