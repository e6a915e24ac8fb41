"""Where the normalised copies of recordings are kept: the interface, and the plain folder that serves one command.

Everything after validation reads the 16 kHz FLAC copy, not the source, so that a source that changes or vanishes cannot
make two stages of one partition disagree. The pipeline keeps copies for good (``emotion_pipeline.warehouse.files``).
"""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol


class AudioStore(Protocol):
    """Copies by content: equal recordings share one."""

    def audio_uri(self, recording_id: str) -> str:
        """Return the name under which the copy of a recording is kept."""
        ...

    def silenced_uri(self, recording_id: str) -> str:
        """Return the name under which the copy is kept in which redacted words are silent."""
        ...

    def has_audio(self, audio_uri: str) -> bool:
        """Tell whether the copy is there, whole, or the silenced one that took its place."""
        ...

    def audio_draft(self, audio_uri: str) -> AbstractContextManager[Path]:
        """Give a local path to write a copy to; what is there when the context ends without an error is kept, whole."""
        ...

    def audio_file(self, audio_uri: str) -> AbstractContextManager[Path]:
        """Give a local path to the copy, or to the silenced one that took its place, while the context lasts."""
        ...


class FolderAudioStore:
    """Copies directly below one local folder, which the caller removes when done."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def audio_uri(self, recording_id: str) -> str:
        return f"{recording_id}.flac"

    def silenced_uri(self, recording_id: str) -> str:
        return f"{recording_id}-silenced.flac"

    def has_audio(self, audio_uri: str) -> bool:
        return (self._folder / audio_uri).is_file()

    @contextmanager
    def audio_draft(self, audio_uri: str) -> Iterator[Path]:
        draft = self._folder / f"draft-{audio_uri}"
        try:
            yield draft
            if draft.is_file():
                draft.replace(self._folder / audio_uri)
        finally:
            draft.unlink(missing_ok=True)

    @contextmanager
    def audio_file(self, audio_uri: str) -> Iterator[Path]:
        yield self._folder / audio_uri
