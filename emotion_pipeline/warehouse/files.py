"""What is kept as files, whichever warehouse holds the tables. A reader sees a whole file or none (``atomic_files``).

Below the root, on local disk or any universal-pathlib file system: ``audio/<aa>/<id>.flac`` is the normalised copy of a
recording, ``silenced/<aa>/<id>.flac`` the one in which redacted words are silent, ``unfinished/<id>/`` a transcription
under way, ``held/<table>/<day>.parquet`` a batch that its gate refused: it may break the very contract of a table.
"""

from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from emotion_pipeline.engine.stages.tables import Table
from emotion_pipeline.warehouse.atomic_files import is_local, publishing

HELD: Final = "held"
AUDIO: Final = "audio"
SILENCED: Final = "silenced"
UNFINISHED: Final = "unfinished"


@dataclass(frozen=True)
class Files:
    """Audio copies (an engine's ``AudioStore``), checkpoints and refused batches below one root.

    Attributes:
        root: a local path or any URL that universal-pathlib understands (``s3://…``, ``abfs://…``, ``gs://…``).
    """

    root: str

    def audio_uri(self, recording_id: str) -> str:
        """Return where a recording's copy belongs, relative to the root: by content, so that equal bytes share one."""
        return f"{AUDIO}/{recording_id[:2]}/{recording_id}.flac"

    def silenced_uri(self, recording_id: str) -> str:
        """Return where the copy belongs in which redacted words are silent."""
        return f"{SILENCED}/{recording_id[:2]}/{recording_id}.flac"

    def has_audio(self, audio_uri: str) -> bool:
        return self._stored(audio_uri).is_file()

    def drop_unsilenced(self, recording_ids: Iterable[str]) -> None:
        """Remove the copies of recordings whose silenced ones are there: nobody is to hear what was redacted.

        To be called once the transcripts that name the silenced copies are published.
        """
        for recording_id in recording_ids:
            if (UPath(self.root) / self.silenced_uri(recording_id)).is_file():
                (UPath(self.root) / self.audio_uri(recording_id)).unlink(missing_ok=True)

    @contextmanager
    def audio_file(self, audio_uri: str) -> Iterator[Path]:
        """Give a local path to a stored copy, fetched to a temporary file where the root is not on local disk."""
        stored = self._stored(audio_uri)
        if is_local(stored):
            yield Path(str(stored))
            return
        with NamedTemporaryFile(suffix=stored.suffix) as local:
            local.write(stored.read_bytes())
            local.flush()
            yield Path(local.name)

    def audio_draft(self, audio_uri: str) -> AbstractContextManager[Path]:
        """Give a local path to write a copy to, which is kept when the context ends without an error."""
        return publishing(UPath(self.root) / audio_uri)

    def _stored(self, audio_uri: str) -> UPath:
        """Return where a copy lies, or the silenced one that is left of it."""
        stored = UPath(self.root) / audio_uri
        folder, _, name = audio_uri.partition("/")
        silenced = UPath(self.root) / SILENCED / name
        return silenced if folder == AUDIO and not stored.is_file() and silenced.is_file() else stored

    def checkpoints(self, recording_id: str) -> "Checkpoints":
        """Return where unfinished work on a recording is kept."""
        return Checkpoints(UPath(self.root) / UNFINISHED / recording_id)

    def hold(self, table: Table, partition: str, frame: pd.DataFrame) -> UPath:
        """Keep a refused batch, where people can look at it and nothing else reads it, and return where."""
        target = self._held_path(table, partition)
        with publishing(target) as draft:
            pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), draft, compression="zstd")
        return target

    def held(self, table: Table, partition: str) -> pd.DataFrame | None:
        """Return the refused batch of a partition, or None where there is none."""
        try:
            with self._held_path(table, partition).open("rb") as file:
                return pd.read_parquet(file)
        except FileNotFoundError:
            return None

    def release(self, table: Table, partition: str) -> None:
        """Drop the refused batch of a partition, once a good one has replaced it."""
        self._held_path(table, partition).unlink(missing_ok=True)

    def _held_path(self, table: Table, partition: str) -> UPath:
        return UPath(self.root) / HELD / table.name / f"{partition}.parquet"


class Checkpoints:
    """Finished parts of one recording's transcription, until the whole is done; see ``transcribe.checkpoints``."""

    def __init__(self, folder: UPath) -> None:
        self._folder = folder

    def read(self, name: str) -> str | None:
        try:
            return (self._folder / name).read_text(encoding="utf-8")
        except FileNotFoundError:
            return None

    def write(self, name: str, text: str) -> None:
        with publishing(self._folder / name) as draft:
            draft.write_text(text, encoding="utf-8")

    def clear(self) -> None:
        if self._folder.is_dir():
            self._folder.fs.rm(self._folder.path, recursive=True)
