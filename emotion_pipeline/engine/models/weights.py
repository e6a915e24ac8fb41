"""Weights as files: whether they are here, how they get here, and whether they are whole.

What is in them and how it is used is known by the back end that they belong to; ``inventory`` asks all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.models.artefact import CARD, read_card


class Weights(Protocol):
    """The weights of one model."""

    @property
    def name(self) -> str:
        """What they are called where they come from: a published name, ``owner/name`` of a hub, or a path."""
        ...

    def found(self) -> Path | None:
        """Return where they lie on this machine, None where they do not; asks nobody else."""
        ...

    def fetch(self) -> Path:
        """Return where they lie, fetched where they were not here.

        :raises BackendUnavailableError: they cannot be fetched; the message says what to put where instead
        """
        ...

    def check(self) -> Mapping[str, Any]:
        """Load them as work does and return what is known of them then, as plain values.

        :raises BackendUnavailableError: they are not here and cannot be fetched
        :raises ArtefactError: they are not whole or know nothing; the message names what is wrong
        """
        ...


@dataclass(frozen=True, slots=True)
class FolderWeights:
    """An artefact in a folder, which nothing fetches."""

    folder: Path
    # Does what ``Weights.check`` has to.
    load: Callable[[Path], Mapping[str, Any]]

    @property
    def name(self) -> str:
        return read_card(self.folder)["name"] if self.found() else str(self.folder)

    def found(self) -> Path | None:
        return self.folder if (self.folder / CARD).is_file() else None

    def fetch(self) -> Path:
        if self.found() is None:
            raise BackendUnavailableError(
                f"{self.folder} holds no {CARD}: weights of this kind are not fetched; train them there, or reinstall "
                f"the package where they are its own"
            )
        return self.folder

    def check(self) -> Mapping[str, Any]:
        return self.load(self.folder)
