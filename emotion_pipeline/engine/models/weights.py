"""Weights as files: whether they are here, how they get here, and whether they are whole.

What the weights contain is up to the back end that they belong to; ``inventory`` asks all of them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
from numpy.typing import NDArray

from emotion_pipeline.engine.common.errors import ArtefactError, BackendUnavailableError
from emotion_pipeline.engine.models.artefact import CARD, read_card

# Between the outputs of a trained model: for the labels of one input, and for two different inputs.
_SMALLEST_DIFFERENCE: Final = 0.01


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
        :raises ArtefactError: they are not whole or the model's output is flat; the message names what is wrong
        """
        ...


def check_outputs(weights: Path, outputs: NDArray[np.floating[Any]], unit: str, remedy: str) -> tuple[float, float]:
    """Return how far the outputs differ within the first of two different inputs, and between both inputs.

    :param outputs: of a model for the two inputs, shape ``(2, n_labels)``
    :param unit: what the outputs are, for the message: probabilities, logits
    :param remedy: what the user should do, one sentence
    :raises ArtefactError: a difference is below ``_SMALLEST_DIFFERENCE``: the model was not trained, or is not whole
    """
    spread, difference = float(np.ptp(outputs[0])), float(np.abs(outputs[0] - outputs[1]).max())
    if min(spread, difference) < _SMALLEST_DIFFERENCE:
        problem = "is flat" if spread < _SMALLEST_DIFFERENCE else "is the same for two different inputs"
        raise ArtefactError(
            f"{weights} loads, but its output {problem} ({unit} differ by {spread:.2g} within one built-in input, by "
            f"{difference:.2g} between two). {remedy}"
        )
    return spread, difference


@dataclass(frozen=True, slots=True)
class FolderWeights:
    """An artefact in a folder, which nothing fetches."""

    folder: Path
    # Implements ``Weights.check``.
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
