"""The models as a resource: chosen by name, loaded at first use, shared by all assets of a process."""

from typing import Any, Final

import dagster as dg
from pydantic import PrivateAttr

from emotion_pipeline.config.engine_options import backend_choice
from emotion_pipeline.config.settings import Settings
from emotion_pipeline.engine.backends import Backends

_SECTIONS: Final = (
    "compute",
    "transcription",
    "redaction",
    "diarization",
    "classification",
    "tone",
    "sentiment",
    "conversation",
)


class Models(dg.ConfigurableResource):
    """Hands out the engine's back ends. Raises UnknownBackendError for a name that no registry knows.

    Attributes are the sections of the settings under the same names. Keys of services are none of them, because Dagster
    shows attributes: those are read from the environment when they are needed.
    """

    compute: dict[str, Any]
    transcription: dict[str, Any]
    redaction: dict[str, Any]
    diarization: dict[str, Any]
    classification: dict[str, Any]
    tone: dict[str, Any]
    sentiment: dict[str, Any]
    conversation: dict[str, Any]

    _backends: Backends = PrivateAttr()

    @classmethod
    def of(cls, settings: Settings) -> "Models":
        """Return the resource for these settings."""
        return cls(**settings.model_dump(mode="json", include=set(_SECTIONS), exclude_none=True))

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:
        settings = Settings(**{section: getattr(self, section) for section in _SECTIONS})
        self._backends = Backends(backend_choice(settings))

    @property
    def backends(self) -> Backends:
        return self._backends
