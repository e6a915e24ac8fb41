"""What is kept as files, whichever warehouse holds the tables. A reader sees a whole file or none (``atomic_files``).

Below the root, on local disk or any universal-pathlib file system: ``audio/<aa>/<id>.flac`` is the normalised copy of a
recording, ``silenced/<aa>/<id>.flac`` the one in which redacted words are silent, ``unfinished/<id>/`` a transcription
under way, ``held/<table>/<day>.parquet`` a batch that its gate refused: it may break the very contract of a table,
``erasures/<time>.json`` the record of an erasure.
"""

from collections.abc import Collection, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Final

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from upath import UPath

from emotion_pipeline.engine.stages.tables import Table
from emotion_pipeline.warehouse.atomic_files import abandoned_drafts, is_local, publishing
from emotion_pipeline.warehouse.base import Chosen

HELD: Final = "held"
AUDIO: Final = "audio"
SILENCED: Final = "silenced"
UNFINISHED: Final = "unfinished"
ERASURES: Final = "erasures"


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

    def refused(self) -> list[tuple[str, str]]:
        """Return day and table of every batch that its gate refused and none has followed yet, the newest day first."""
        held = (UPath(self.root) / HELD).glob("*/*.parquet")
        return sorted(((path.stem, path.parent.name) for path in held), reverse=True)

    def release(self, table: Table, partition: str) -> None:
        """Drop the refused batch of a partition, once a good one has replaced it."""
        self._held_path(table, partition).unlink(missing_ok=True)

    def erase(self, chosen: Chosen, kept: Collection[str], *, dry_run: bool) -> list[str]:
        """Erase what belongs to chosen recordings, and return its places below the root; a dry run only names them.

        :param kept: recordings of days that stay. Of days that go, the files of all others are erased that were last
            changed before; a refused batch loses the chosen rows
        """
        root = UPath(self.root)
        owned = [path for folder in (AUDIO, SILENCED) for path in root.glob(f"{folder}/*/*.flac")]
        paths = [path for path in [*owned, *root.glob(f"{UNFINISHED}/*")] if _is_chosen(path, chosen, kept)]
        paths += abandoned_drafts(root)
        for path in paths if not dry_run else []:
            path.fs.rm(path.path, recursive=True)
        held = []
        for path in root.glob(f"{HELD}/*/*.parquet"):
            rows = pd.read_parquet(path.open("rb"))
            # The batch may have broken its contract: one that does not say whose its rows are goes as a whole.
            ids = rows["recording_id"] if "recording_id" in rows else pd.Series(None, rows.index, dtype=object)
            unknown_stay = bool(chosen.before) and path.stem >= chosen.before
            stays = [unknown_stay if pd.isna(recording) else not chosen.has(path.stem, recording) for recording in ids]
            if not all(stays):
                held.append(path)
                if not dry_run:
                    self._hold_again(path, rows[stays])
        return sorted("/".join(path.parts[len(root.parts) :]) for path in [*paths, *held])

    def _hold_again(self, path: UPath, rows: pd.DataFrame) -> None:
        if rows.empty:
            path.unlink()
            return
        with publishing(path) as draft:
            pq.write_table(pa.Table.from_pandas(rows, preserve_index=False), draft, compression="zstd")

    def log_erasure(self, name: str, record: str) -> None:
        """Keep a record of what was erased."""
        with publishing(UPath(self.root) / ERASURES / f"{name}.json") as draft:
            draft.write_text(record, encoding="utf-8")

    def _held_path(self, table: Table, partition: str) -> UPath:
        return UPath(self.root) / HELD / table.name / f"{partition}.parquet"


def _is_chosen(path: UPath, chosen: Chosen, kept: Collection[str]) -> bool:
    """Return whether a copy or a folder of unfinished work, named by its recording, is to be erased."""
    if not chosen.before:
        return path.stem in chosen.recordings
    if path.stem in kept:
        return False
    changed = path.stat().st_mtime
    return datetime.fromtimestamp(changed, UTC).date().isoformat() < chosen.before


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
