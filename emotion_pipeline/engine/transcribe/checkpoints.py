"""Where finished parts of a long transcription are kept until the whole is done: the interface, and a plain folder.

What a part is and when it may be taken over is decided by who writes it; here it is a name and a text.
"""

import os
import uuid
from pathlib import Path
from typing import Protocol


class Checkpoints(Protocol):
    """Parts of one recording's transcription by name."""

    def read(self, name: str) -> str | None:
        """Return a part, whole, or None where there is none."""
        ...

    def write(self, name: str, text: str) -> None:
        """Keep a part; a reader sees the old one or the new one, never a half of it."""
        ...

    def clear(self) -> None:
        """Remove all parts, because the whole is done."""
        ...


class FolderCheckpoints:
    """Parts as files directly below one local folder, which exists only while there is a part."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def read(self, name: str) -> str | None:
        path = self._folder / name
        return path.read_text(encoding="utf-8") if path.is_file() else None

    def write(self, name: str, text: str) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        unfinished = self._folder / f".{name}.{uuid.uuid4().hex}.part"
        try:
            with unfinished.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            unfinished.replace(self._folder / name)
        finally:
            unfinished.unlink(missing_ok=True)

    def clear(self) -> None:
        if self._folder.is_dir():
            for part in self._folder.iterdir():
                part.unlink(missing_ok=True)
            self._folder.rmdir()
