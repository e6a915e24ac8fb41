"""Names of persons, found by a model that the user has: the interface, and spaCy pipelines behind it.

Nothing finds names without a model: which words are names depends on the sentence, and no list of them is complete.
"""

import hashlib
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.hashing import hash_file

if TYPE_CHECKING:
    from spacy.language import Language

# Of OntoNotes, which the English pipelines are trained on, and of WikiNER, for the other languages.
_PERSON_LABELS: Final = frozenset({"PERSON", "PER"})


class NameFinder(Protocol):
    """Anything that finds names of persons in text."""

    @property
    def fingerprint(self) -> str:
        """``library:version:model:hash``."""
        ...

    def names(self, texts: Sequence[Sequence[str]]) -> list[list[range]]:
        """Return for each text, given as its words, which of the words are names: ranges of positions, in order."""
        ...


class SpacyNames:
    """Names by the entity recogniser of a spaCy pipeline; made by ``spacy_names``."""

    def __init__(self, pipeline: "Language") -> None:
        self._pipeline = pipeline
        self._content = _content(Path(pipeline.path)) if pipeline.path else "in memory"

    @property
    def fingerprint(self) -> str:
        meta = self._pipeline.meta
        return f"spacy:{version('spacy')}:{meta['lang']}_{meta['name']}:{self._content}"

    def names(self, texts: Sequence[Sequence[str]]) -> list[list[range]]:
        documents = self._pipeline.pipe(" ".join(words) for words in texts)
        return [
            [
                _positions(words, entity.start_char, entity.end_char)
                for entity in document.ents
                if entity.label_ in _PERSON_LABELS
            ]
            for words, document in zip(texts, documents, strict=True)
        ]


def spacy_names(model: str) -> SpacyNames:
    """Load a spaCy pipeline that recognises persons.

    :param model: the name of an installed pipeline, such as ``en_core_web_sm``, or the folder of one
    :raises BackendUnavailableError: spaCy or the pipeline is not there, or the pipeline recognises no entities
    """
    try:
        import spacy
    except ImportError as error:
        raise BackendUnavailableError(
            "names of persons need the package spacy; run: pip install 'emotion-pipeline[names]'"
        ) from error
    try:
        pipeline = spacy.load(Path(model) if Path(model).is_dir() else model)
    except OSError as error:
        raise BackendUnavailableError(
            f"there is no spaCy pipeline {model!r}; run: python -m spacy download {model}, or give the folder of one"
        ) from error
    if not any("doc.ents" in pipeline.get_pipe_meta(name).assigns for name in pipeline.pipe_names):
        raise BackendUnavailableError(
            f"the spaCy pipeline {model!r} recognises no entities; choose one that has a component 'ner' (this one has "
            f"{', '.join(pipeline.pipe_names) or 'none'})"
        )
    return SpacyNames(pipeline)


def _content(folder: Path) -> str:
    """Name the files of a pipeline by what is in them: versions of pipelines that users train are rarely raised."""
    digest = hashlib.sha256()
    for file in sorted(path for path in folder.rglob("*") if path.is_file()):
        digest.update(f"{file.relative_to(folder).as_posix()}\n".encode())
        digest.update(bytes.fromhex(hash_file(file)))
    return digest.hexdigest()[:12]


def _positions(words: Sequence[str], start: int, end: int) -> range:
    """Return which words the characters from ``start`` to ``end`` of the joined text touch."""
    first, last, at = len(words), -1, 0
    for position, word in enumerate(words):
        if at < end and at + len(word) > start:
            first, last = min(first, position), position
        at += len(word) + 1
    return range(first, last + 1)
