"""Receiving recordings: from a multipart body to a file on disk, which is inspected before it is accepted.

The caller of ``keep`` removes the file again unless a job took it.
"""

import asyncio
import hashlib
import os
import re
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Final

from python_multipart.multipart import parse_options_header
from starlette.datastructures import FormData, UploadFile
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from emotion_pipeline.api.problems import Problem, overloaded
from emotion_pipeline.engine.audio.decode import probe
from emotion_pipeline.engine.audio.inspect import inspect
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.common.errors import MediaError

_SUFFIX: Final = re.compile(r"\.[A-Za-z0-9]{1,8}")
_LONGEST_NAME: Final = 200
# What Starlette says of a form that it does not take begins like this.
_MALFORMED: Final = {
    "Too many files": "There is more than one file; send each recording in a request of its own, in the field file.",
    "Too many fields": "There are more than four fields; send file and, if you like, webhook_url.",
    "Part exceeded": "A field is longer than 8,192 bytes; only the recording, which needs a filename, may be larger.",
    "Missing boundary": "The Content-Type names no boundary; let your HTTP library set that header.",
    "Invalid multipart": "The multipart body breaks off before its last boundary, or is malformed; send it again.",
}
# Of a body, where its last boundary is looked for.
_END_BYTES: Final = 4_096
_BLOCK_BYTES: Final = 1 << 20
# Longest silence while an upload is being sent.
_STALL_S: Final = 30.0
# Longest recording that is decoded before it is accepted, to say at once what is wrong with it.
_INSPECTED_S: Final = 120.0
_INSPECTED_BYTES: Final = 25_000_000


@dataclass(frozen=True, slots=True)
class Kept:
    """An upload on disk: its name in the folder of uploads, the name its sender gave it, the SHA-256 of its bytes."""

    path: Path
    file: str
    sha256: str


async def read_form(request: Request) -> FormData:
    """Read a multipart body, files of it to disk as they come.

    Raises Problem: 415 for another type, 400 where it breaks off, stalls or is malformed.
    """
    if not request.headers.get("content-type", "").lower().startswith("multipart/form-data"):
        raise Problem(415, "not_multipart", "Send the recording as multipart/form-data, in the field file.")

    _, options = parse_options_header(request.headers["content-type"])
    last, end = b"--" + options.get(b"boundary", b"") + b"--", b""

    async def receive() -> Message:
        nonlocal end
        message = await asyncio.wait_for(request.receive(), _STALL_S)
        end = (end + message.get("body", b""))[-_END_BYTES:]
        return message

    try:
        form = await Request(request.scope, receive).form(max_files=1, max_fields=4, max_part_size=8_192)
    except TimeoutError as error:
        raise Problem(400, "upload_stalled", f"Nothing came for {_STALL_S:g} s.") from error
    except ClientDisconnect as error:
        raise Problem(400, "upload_incomplete", "The connection ended before the upload did.") from error
    except HTTPException as error:
        if error.status_code != 400:
            raise
        sentences = (sentence for start, sentence in _MALFORMED.items() if error.detail.startswith(start))
        raise Problem(400, "invalid_request", next(sentences, error.detail)) from error
    if last not in end:  # Starlette would leave out the part that is not whole
        await form.close()
        raise Problem(400, "invalid_request", _MALFORMED["Invalid multipart"])
    return form


def file_of(form: FormData) -> UploadFile:
    """Return the one file of a form. Raises Problem 422 where there is none."""
    file = form.get("file")
    if not isinstance(file, UploadFile):
        raise Problem(422, "file_missing", "There must be one file, in the field file.")
    return file


def text_of(form: FormData, name: str) -> str:
    """Return the text of a field, empty where there is none."""
    value = form.get(name)
    return value if isinstance(value, str) else ""


def keep(file: UploadFile, folder: Path) -> Kept:
    """Copy an upload into ``folder``, on disk when this returns. Raises Problem 503 where the disk is full."""
    name = PurePosixPath((file.filename or "").replace("\\", "/")).name
    shown = "".join(letter for letter in name if letter.isprintable())[-_LONGEST_NAME:] or "upload"
    suffix = PurePosixPath(shown).suffix
    path = folder / f"{uuid.uuid4().hex}{suffix if _SUFFIX.fullmatch(suffix) else ''}"
    digest = hashlib.sha256()
    try:
        with path.open("xb") as kept:
            while block := file.file.read(_BLOCK_BYTES):
                digest.update(block)
                kept.write(block)
            kept.flush()
            os.fsync(kept.fileno())
    except OSError as error:
        path.unlink(missing_ok=True)
        raise overloaded("storage_full", "The recording cannot be stored now; try again later.", 60) from error
    return Kept(path, shown, digest.hexdigest())


def look_at(path: Path, max_seconds: float) -> float | None:
    """Return the length of a recording in seconds, None where only decoding all of it would tell.

    The header is read first; a recording that seems short is then inspected in full.

    Raises Problem: 422 with the engine's reason where it cannot be used, 413 where it is too long.
    """
    try:
        seconds = probe(path).declared_seconds
    except MediaError as error:
        raise _refused(error.code, str(error), path) from error
    if seconds is not None and seconds > max_seconds:
        raise Problem(413, "too_long", f"It is {seconds:.0f} s long; {max_seconds:.0f} s are allowed.")
    if (seconds or 0.0) > _INSPECTED_S or path.stat().st_size > _INSPECTED_BYTES:
        return seconds
    inspection = inspect(path)
    if inspection.reason is not None:
        raise _refused(inspection.reason, inspection.detail, path)
    return inspection.seconds


def _refused(code: str, detail: str, path: Path) -> Problem:
    return Problem(422, code, detail.removeprefix(f"{path}: ").replace(str(path), "it") or RejectReason(code).meaning)
