"""The service's files: uploads, until their job has ended, and the unfinished work of jobs."""

import shutil
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from filelock import FileLock

# Age from which an upload without a job was left by a process that ended while it received it.
_ABANDONED_S: Final = 3_600.0


class Folders:
    """The folders below ``api.folder``, made at first use; only the service's user may read them."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    @property
    def identity(self) -> str:
        """A random name of the folder itself, the same for all processes that have it, on whichever host."""
        path = _made(self._root) / ".identity"
        with FileLock(f"{path}.lock"):
            if not path.exists():
                path.write_text(uuid.uuid4().hex, encoding="utf-8")
            return path.read_text(encoding="utf-8")

    @property
    def uploads(self) -> Path:
        """The folder of uploads."""
        return _made(self._root / "uploads")

    def work(self, job_id: str) -> Path:
        """Return the folder for the unfinished work of a job."""
        return _made(self._root / "work" / job_id)

    def remove_job(self, job_id: str, upload: str | None) -> None:
        """Remove the files of a job that has ended or was deleted."""
        shutil.rmtree(self._root / "work" / job_id, ignore_errors=True)
        if upload is not None:
            (self.uploads / upload).unlink(missing_ok=True)

    def remove_abandoned(self, unfinished: Mapping[str, str | None], ended: Mapping[str, str | None]) -> int:
        """Remove uploads that no job needs, and the files that a killed process left of ended jobs; return how many.

        An upload that no job knows may still be on its way to its job, so it is removed only when it is old.

        :param unfinished: the name of the upload of each job that has not ended
        :param ended: the same of each job that has
        """
        before = time.time() - _ABANDONED_S
        in_use, done = set(unfinished.values()), set(ended.values())
        unused = [path for path in self.uploads.iterdir() if path.name not in in_use]
        stale = [path for path in unused if path.name in done or path.stat().st_mtime < before]
        for path in stale:
            path.unlink(missing_ok=True)
        works = [path for path in _made(self._root / "work").iterdir() if path.name in ended]
        for path in works:
            shutil.rmtree(path, ignore_errors=True)
        return len(stale) + len(works)


def _made(folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder
