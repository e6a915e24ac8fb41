"""Where the files of a wav2vec2 checkpoint lie, how they get here from a hub, and what they hash to.

What is inside them is the business of ``checkpoint``.
"""

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError
from emotion_pipeline.engine.common.hashing import sha256_of

# The checkpoint that is meant where none is named.
DOCUMENTED: Final = "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition"
CONFIG: Final = "config.json"
PREPROCESSOR: Final = "preprocessor_config.json"
# By preference: the first holds numbers only, the second is a pickle that has to be read with care.
WEIGHTS: Final = ("model.safetensors", "pytorch_model.bin")

_LOCAL: Final = "local"


@dataclass(frozen=True, slots=True)
class CheckpointFiles:
    """The files of one checkpoint on this machine; all of them existed when they were found."""

    # The hub's ``owner/name``, or the name of the folder.
    name: str
    # Commit of the hub, ``local`` for a folder.
    revision: str
    config: Path
    weights: Path
    preprocessor: Path | None

    @property
    def sha256(self) -> str:
        """Of the weights, as hexadecimal digits; worked out once per version of the file."""
        return sha256_of(self.weights)

    @property
    def settings_sha256(self) -> str:
        """Of what decides how the weights are used: labels, shapes, scaling of the input."""
        parts = [sha256_of(file) for file in (self.config, self.preprocessor) if file is not None]
        return hashlib.sha256("".join(parts).encode()).hexdigest()


def find_checkpoint(
    source: str | Path,
    revision: str | None = None,
    cache: Path | None = None,
    endpoint: str | None = None,
    *,
    fetches: bool = True,
) -> CheckpointFiles:
    """The files of the checkpoint ``source``: a local folder, or ``owner/name`` on the hub, fetched where not yet here.

    :param revision: branch, tag or commit of the hub; None is its main branch
    :param cache: where the hub's files are kept; by default where all packages of Hugging Face keep them
    :param endpoint: another hub than huggingface.co
    :param fetches: whether a hub may be asked; otherwise what was fetched before counts
    :raises BackendUnavailableError: no such folder, a file is missing in it, or the hub does not give it
    """
    folder = Path(source).expanduser()
    if folder.is_dir():
        return _in_folder(folder)
    name = str(source)
    if Path(name).is_absolute() or name.startswith((".", "~")) or name.count("/") != 1:
        raise BackendUnavailableError(
            f"there is no folder {name} with a wav2vec2 checkpoint; set tone.model to a folder with {CONFIG} and "
            f"{WEIGHTS[0]}, or to a model of the hub as owner/name"
        )
    return _from_hub(name, revision, cache, endpoint, fetches)


def checkpoint_at(
    source: str | Path | None = None, revision: str | None = None, sha256: str | None = None, cache: Path | None = None
) -> CheckpointFiles:
    """As ``find_checkpoint``, ``DOCUMENTED`` where no source is given, and held to a SHA-256 where one is.

    :raises BackendUnavailableError: files are missing or cannot be fetched
    :raises ArtefactError: the weights have another SHA-256
    """
    files = find_checkpoint(source or DOCUMENTED, revision, cache)
    if sha256 is not None:
        check_sha256(files, sha256)
    return files


def check_sha256(files: CheckpointFiles, expected: str) -> None:
    """Raise ``ArtefactError`` where the weights do not have the SHA-256 ``expected``."""
    if files.sha256 != expected.strip().lower():
        raise ArtefactError(
            f"{files.weights} has the SHA-256 {files.sha256}, not {expected}: fetch the checkpoint again, or correct "
            f"the expected value."
        )


def _in_folder(folder: Path) -> CheckpointFiles:
    config, preprocessor = folder / CONFIG, folder / PREPROCESSOR
    weights = next((folder / name for name in WEIGHTS if (folder / name).is_file()), None)
    missing = [CONFIG] * (not config.is_file()) + [" or ".join(WEIGHTS)] * (weights is None)
    if missing or weights is None:
        raise BackendUnavailableError(
            f"the folder {folder} holds no {', no '.join(missing)}: put all files of the checkpoint there."
        )
    name = folder.resolve().name.replace(":", "_")
    return CheckpointFiles(name, _LOCAL, config, weights, preprocessor if preprocessor.is_file() else None)


def _from_hub(
    name: str, revision: str | None, cache: Path | None, endpoint: str | None, fetches: bool
) -> CheckpointFiles:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, HFValidationError

    def fetched(file: str) -> Path:
        options: Any = {"revision": revision, "cache_dir": cache, "endpoint": endpoint}
        return Path(hf_hub_download(name, file, **options, local_files_only=not fetches))

    try:
        config = fetched(CONFIG)
        try:
            weights = fetched(WEIGHTS[0])
        except EntryNotFoundError:  # also where there is no network and only the other one was fetched before
            weights = fetched(WEIGHTS[1])
        try:
            preprocessor = fetched(PREPROCESSOR)
        except EntryNotFoundError:
            preprocessor = None
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise BackendUnavailableError(
            f"the tone model {name} could not be fetched ({reason}); put {CONFIG}, {PREPROCESSOR} and {WEIGHTS[0]} or "
            f"{WEIGHTS[1]} of https://huggingface.co/{name}{f'/tree/{revision}' if revision else ''} into a folder and "
            f"set tone.model to that folder{_offline_hint()}"
        ) from error
    return CheckpointFiles(name, config.parent.name[:12], config, weights, preprocessor)


def _offline_hint() -> str:
    return " (HF_HUB_OFFLINE is set)" if os.environ.get("HF_HUB_OFFLINE") else ""
