"""Where the weights of a Whisper model lie: published names, files and folders of the user, and how they get here.

What is inside a file is the business of the package that reads it. A name is looked up before a path, so a folder that
happens to be called ``base`` does not stand in for the model of that name.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.common.suggestions import did_you_mean

# Models that OpenAI published.
NAMES: Final = (
    "tiny.en", "tiny", "base.en", "base", "small.en", "small", "medium.en", "medium",
    "large-v1", "large-v2", "large-v3", "large-v3-turbo",
)  # fmt: skip
_SHORT_NAMES: Final = {"large": "large-v3", "turbo": "large-v3-turbo"}
_HUB_PREFIX: Final = "openai/whisper-"
# On the hub the first large model has no number.
_HUB_NAMES: Final = {"openai/whisper-large": "large-v1"}
_TIMEOUT_S: Final = 30.0
_ATTEMPTS: Final = 3
_HASH_DIGITS: Final = 12
ADVICE: Final = "set WHISPER_MODEL to {what} on this machine, which is used as it is"


def published_name(model: str) -> str | None:
    """Return the name in ``NAMES`` of a model given as ``base``, ``large`` or ``openai/whisper-base``, else None."""
    name = _HUB_NAMES.get(model) or _SHORT_NAMES.get(model, model.removeprefix(_HUB_PREFIX))
    return name if name in NAMES else None


def hub_name(model: str) -> str | None:
    """Return ``owner/name`` of a model on the Hugging Face hub, None where ``model`` is none."""
    name = published_name(model)
    if name is not None:
        return "openai/whisper-large" if name == "large-v1" else _HUB_PREFIX + name
    owner, slash, rest = model.partition("/")
    looks_like_a_path = model.startswith((".", "~", os.sep)) or Path(model).exists()
    return model if slash and owner and rest and "/" not in rest and not looks_like_a_path else None


def local_path(model: str) -> Path | None:
    """Return the file or folder that ``model`` names, None where it is the name of a model instead.

    :raises BackendUnavailableError: it is written as a path and nothing is there
    """
    if published_name(model) is not None:
        return None
    path = Path(model).expanduser()
    if path.exists():
        return path
    if model.startswith((".", "~", os.sep)) or path.suffix in (".pt", ".bin", ".safetensors"):
        raise BackendUnavailableError(f"there is no Whisper model at {path}; correct WHISPER_MODEL")
    return None


def unknown_name(model: str, known: Sequence[str]) -> BackendUnavailableError:
    """Return the error for a name that is no model: it lists those that are."""
    return BackendUnavailableError(
        f"there is no Whisper model {model!r}, neither under that name nor as a path; the names are "
        f"{', '.join(known)}{did_you_mean(model, known)}"
    )


def identity(files: Sequence[Path]) -> str:
    """Return the first digits of the SHA-256 of the files' contents, one after the other; read once per version."""
    digest = hashlib.sha256("".join(sha256_of(file) for file in files).encode()).hexdigest()
    return (sha256_of(files[0]) if len(files) == 1 else digest)[:_HASH_DIGITS]


@contextmanager
def naming(file: Path, *expected: type[Exception]) -> Iterator[None]:
    """Turn what a package raises about weights into BackendUnavailableError that names the file."""
    try:
        yield
    except BackendUnavailableError:
        raise
    except expected as error:
        said = str(error).strip() or type(error).__name__
        raise BackendUnavailableError(
            f"{file} is not a whole Whisper model of the expected kind ({said}); fetch it again, or set WHISPER_MODEL "
            f"to another"
        ) from error


def fetch(url: str, file: Path, sha256: str) -> None:
    """Download ``url`` to ``file``, which appears only when it is whole and has the right SHA-256.

    :raises BackendUnavailableError: it could not be fetched; the message says what to put where instead
    """
    import httpx
    import stamina

    attempts = stamina.retry_context(on=httpx.TransportError, attempts=_ATTEMPTS, timeout=None)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        for attempt in attempts:
            with attempt:
                _fetch_once(url, file, sha256)
    except (httpx.HTTPError, OSError) as error:
        raise BackendUnavailableError(
            f"{url} could not be fetched ({error}); put that file at {file}, or {ADVICE.format(what='such a file')}"
        ) from error


def _fetch_once(url: str, file: Path, sha256: str) -> None:
    import httpx

    digest = hashlib.sha256()
    with tempfile.TemporaryDirectory(dir=file.parent, prefix=f".{file.name}-") as scratch:
        fresh = Path(scratch) / file.name
        with httpx.stream("GET", url, timeout=_TIMEOUT_S, follow_redirects=True) as answer, fresh.open("wb") as output:
            answer.raise_for_status()
            for block in answer.iter_bytes():
                digest.update(block)
                output.write(block)
            output.flush()
            os.fsync(output.fileno())
        if digest.hexdigest() != sha256:
            raise BackendUnavailableError(f"what {url} sent has another SHA-256 than {sha256}; try again later")
        fresh.replace(file)


def found_from_hub(repository: str, folder: Path | None, patterns: Sequence[str]) -> Path | None:
    """Return the folder of a model that was fetched from the hub before, None where there is none; asks no hub."""
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import LocalEntryNotFoundError

    try:
        wanted = list(patterns)
        return Path(snapshot_download(repository, cache_dir=folder, allow_patterns=wanted, local_files_only=True))
    except LocalEntryNotFoundError:
        return None


def fetch_from_hub(repository: str, folder: Path | None, patterns: Sequence[str]) -> Path:
    """Return the folder of a model from the Hugging Face hub, from the cache in ``folder`` where it is complete.

    :param folder: None is the cache that all packages of Hugging Face share
    :param patterns: which files of it are wanted
    :raises BackendUnavailableError: it could not be fetched; the message says what to put where instead
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return Path(snapshot_download(repository, cache_dir=folder, allow_patterns=list(patterns)))
    except (HfHubHTTPError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackendUnavailableError(
            f"the Whisper model {repository} could not be fetched ({reason}); put {', '.join(patterns)} of "
            f"https://huggingface.co/{repository} into a folder and {ADVICE.format(what='that folder')}"
        ) from error
