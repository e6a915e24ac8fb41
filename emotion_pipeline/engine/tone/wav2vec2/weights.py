"""The files of a wav2vec2 tone checkpoint as ``Weights``: listed, fetched and checked without a model that scores."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.tone.wav2vec2.checkpoint_files import DOCUMENTED, checkpoint_at, find_checkpoint
from emotion_pipeline.engine.tone.wav2vec2.loaded_checkpoint import verify


@dataclass(frozen=True, slots=True)
class CheckpointWeights:
    """See ``Weights``; the fields are those of ``checkpoint_files.checkpoint_at``."""

    source: str | None = None
    revision: str | None = None
    sha256: str | None = None
    cache: Path | None = None

    @property
    def name(self) -> str:
        return self.source or DOCUMENTED

    def found(self) -> Path | None:
        try:
            return find_checkpoint(self.name, self.revision, self.cache, fetches=False).weights.parent
        except BackendUnavailableError:
            return None

    def fetch(self) -> Path:
        return checkpoint_at(self.source, self.revision, self.sha256, self.cache).weights.parent

    def check(self) -> Mapping[str, Any]:
        return asdict(verify(self.source, self.revision, self.sha256, self.cache))
