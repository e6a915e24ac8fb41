"""Publishing a file in one step: written under a temporary name, flushed, then renamed or uploaded whole.

What a file holds and where it belongs is the business of the caller (``lake``, ``marts``). A writer that is killed
leaves the old file and a temporary one, which the next writer of the same file removes once it is old.
"""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from upath import UPath

# A temporary file of this age belongs to a writer that died: none takes an hour.
_ABANDONED_AFTER_S: Final = 3600.0


def is_local(path: UPath) -> bool:
    return path.protocol in ("", "file", "local")


@contextmanager
def publishing(target: UPath) -> Iterator[Path]:
    """Give a local file to fill; when the context ends without an error, move it to ``target`` in one step.

    On local disk that is a rename, after the bytes have reached the disk; on an object store the upload, which becomes
    visible when complete. Nothing happens where no file was written.
    """
    if not is_local(target):
        with TemporaryDirectory() as folder:
            draft = Path(folder) / target.name
            yield draft
            if draft.is_file():
                target.fs.put_file(str(draft), target.path)
        return
    final = Path(str(target))
    final.parent.mkdir(parents=True, exist_ok=True)
    _sweep(final)
    draft = final.with_name(f".{final.name}.{uuid.uuid4().hex}.tmp")
    try:
        yield draft
        if draft.is_file():
            _flush(draft)
            draft.replace(final)
            _flush(final.parent)
    finally:
        draft.unlink(missing_ok=True)


def abandoned_drafts(root: UPath) -> list[UPath]:
    """Return the temporary files below a local root that writers left who were killed; elsewhere there are none."""
    drafts = root.glob("**/.*.tmp") if is_local(root) else ()
    return [draft for draft in drafts if time.time() - draft.stat().st_mtime > _ABANDONED_AFTER_S]


def _flush(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _sweep(final: Path) -> None:
    """Remove what writers of the same file left behind when they were killed."""
    for leftover in final.parent.glob(f".{final.name}.*.tmp"):
        try:
            if time.time() - leftover.stat().st_mtime > _ABANDONED_AFTER_S:
                leftover.unlink()
        except FileNotFoundError:
            continue
