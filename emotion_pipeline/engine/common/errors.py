"""The engine's exceptions: one root, one class per thing that a caller may want to tell apart.

A message names the input, says what is wrong with it and what to do about it. Codes that are stored in tables
live beside the stage that assigns them (``audio.reasons``), not here.
"""


class EmotionPipelineError(Exception):
    """Root of everything that this project raises on purpose."""


class MediaError(EmotionPipelineError):
    """A recording that cannot be read; ``code`` is its reject reason, see ``audio.reasons``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class BackendUnavailableError(EmotionPipelineError):
    """A back end that cannot be loaded here; the message says which package, extra or file is missing."""


class UnknownBackendError(EmotionPipelineError):
    """A back end name that no registry knows; the message lists the ones that exist."""


class ArtefactError(EmotionPipelineError):
    """Model weights that are missing, damaged, or not the ones that their card describes."""


class TrainingDataError(EmotionPipelineError):
    """Training or evaluation data that does not fit: a missing column, an unknown label, an empty file."""


class OutputError(EmotionPipelineError):
    """A file or folder that cannot be written; the message names it, the reason and what to do."""


class ContractError(EmotionPipelineError):
    """A frame that breaks its table's contract; the message names table, column and, where there is one, row."""
