"""The models that one analysis uses, chosen by name and loaded when first needed.

Choosing is cheap: a fingerprint is known without loading a weight, so a partition whose work is done costs no model.
Names come from settings; what each name means is known by the registry of its package.
"""

from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.conversation.role_names import Role
from emotion_pipeline.engine.diarize.base import Diarizer
from emotion_pipeline.engine.diarize.registry import DIARIZERS
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.redact.kinds import DataKind
from emotion_pipeline.engine.redact.names import spacy_names
from emotion_pipeline.engine.redact.redactor import Redactor
from emotion_pipeline.engine.sentiment.base import SentimentBackend, SentimentOptions
from emotion_pipeline.engine.sentiment.registry import load_sentiment
from emotion_pipeline.engine.text.features import FeatureExtractor
from emotion_pipeline.engine.tone.base import ToneModel, ToneOptions
from emotion_pipeline.engine.tone.registry import load_tone_model
from emotion_pipeline.engine.transcribe.base import Transcriber
from emotion_pipeline.engine.transcribe.registry import TRANSCRIBERS, TranscriberOptions
from emotion_pipeline.engine.transcribe.transcript_maker import TranscriptMaker


@dataclass(frozen=True)
class DiarizerChoice:
    """Which diarizer tells the voices on one channel apart, the model files that it reads, and how many there are."""

    name: str
    # None where it comes with its own.
    segmentation_model: Path | None = None
    embedding_model: Path | None = None
    # None lets the diarizer find out.
    speakers: int | None = None

    def load(self) -> Diarizer:
        """Make the diarizer; raises as ``Registry.load``, and as the diarizer itself."""
        files = {"segmentation_model": self.segmentation_model, "embedding_model": self.embedding_model}
        given = {name: file for name, file in files.items() if file is not None}
        return DIARIZERS.load(self.name, speakers=self.speakers, **given)


@dataclass(frozen=True)
class BackendChoice:
    """Which back end does what, by registry name, what it is told, and how cautious labels are."""

    transcriber: str = "faster-whisper"
    # What they say of redaction is set from the fields below.
    transcriber_options: TranscriberOptions = field(default_factory=TranscriberOptions)
    # None leaves the voices on one channel together.
    diarizer: DiarizerChoice | None = None
    redacts: bool = True
    # Kinds of personal data, see ``redact.kinds``; None is all of them.
    redacted_kinds: tuple[str, ...] | None = None
    # Installed spaCy pipeline that finds the names of persons; None leaves names in.
    names_model: str | None = None
    silences_audio: bool = False
    tone: str = "acoustic"
    tone_options: ToneOptions = field(default_factory=ToneOptions)
    sentiment: str = "emotion"
    sentiment_options: SentimentOptions = field(default_factory=SentimentOptions)
    # Folder with a text emotion model; None takes the one that comes with the package.
    emotion_model: Path | None = None
    confidence_threshold: float = 0.65
    # Whose role the speakers have who have a channel each; empty asks the rule in ``conversation.roles``.
    roles_by_channel: tuple[Role, ...] = ()


class Backends:
    """The chosen back ends, each made at first use and then kept. Raises UnknownBackendError for an unknown name."""

    def __init__(self, choice: BackendChoice) -> None:
        self._choice = choice

    @cached_property
    def transcriber(self) -> Transcriber:
        kinds = self._choice.redacted_kinds or tuple(DataKind)
        options = replace(
            self._choice.transcriber_options,
            redactor=self.redactor,
            redacted_kinds=kinds if self._choice.redacts else (),
        )
        return TRANSCRIBERS.load(self._choice.transcriber, options=options)

    @cached_property
    def redactor(self) -> Redactor | None:
        if not self._choice.redacts:
            return None
        names = spacy_names(self._choice.names_model) if self._choice.names_model else None
        return Redactor(self._choice.redacted_kinds, names)

    @cached_property
    def transcript_maker(self) -> TranscriptMaker:
        return TranscriptMaker(self.transcriber, self.diarizer, self.redactor, self._choice.silences_audio)

    @cached_property
    def diarizer(self) -> Diarizer | None:
        return self._choice.diarizer.load() if self._choice.diarizer else None

    @property
    def configured_diarizer(self) -> Diarizer:
        """The diarizer; raises BackendUnavailableError where none is chosen."""
        if self.diarizer is None:
            raise BackendUnavailableError("no diarizer is set up; set diarization.method to voices or sherpa-onnx")
        return self.diarizer

    @property
    def roles_by_channel(self) -> tuple[Role, ...]:
        return self._choice.roles_by_channel

    @cached_property
    def features(self) -> FeatureExtractor:
        return FeatureExtractor()

    @cached_property
    def tone(self) -> ToneModel:
        return load_tone_model(self._choice.tone, self._choice.tone_options)

    @cached_property
    def sentiment(self) -> SentimentBackend:
        return load_sentiment(self._choice.sentiment, self.emotion, self._choice.sentiment_options)

    @cached_property
    def emotion(self) -> EmotionPredictor:
        return EmotionPredictor(self._choice.emotion_model, self._choice.confidence_threshold, self.features)
