"""The fields of requests and responses, from which OpenAPI is made. Names and meanings are the engine's."""

from datetime import datetime
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from emotion_pipeline.engine.stages.report import ConversationResult, SegmentResult, SpeakerResult

Probability = Annotated[float, Field(ge=0.0, le=1.0)]
Score = Annotated[float, Field(ge=-1.0, le=1.0)]


def _encodable(text: str) -> str:
    """Refuse half of a surrogate pair, which JSON can hold and UTF-8 cannot (RFC 8259, section 8.2)."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise ValueError("it holds half of a surrogate pair, which is not a character") from None
    return text


Text = Annotated[str, AfterValidator(_encodable)]


class TextRequest(BaseModel):
    """Exactly one of a text, several texts, or the address of a recording or of a page with a video."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "oneOf": [{"required": ["text"]}, {"required": ["texts"]}, {"required": ["url"]}],
            "examples": [{"text": "Exciting news!"}, {"texts": ["Exciting news!", "I am furious."]}],
        },
    )

    text: Text = Field(default="", description="A text in English.")
    texts: list[Text] = Field(default=[], min_length=1, description="Texts in English, answered in their order.")
    url: Text = Field(default="", max_length=4_096, description="An http or https address; becomes a job.")
    webhook_url: Text = Field(
        default="",
        max_length=4_096,
        description="Gets a message when the job of a url has ended; see Standard Webhooks.",
    )

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        sources = self.model_fields_set & {"text", "texts", "url"}
        if len(sources) != 1:
            raise ValueError("give exactly one of text, texts and url")
        if "webhook_url" in self.model_fields_set and "url" not in sources:
            raise ValueError("webhook_url goes with url: texts are answered at once")
        return self


class TextEmotion(BaseModel):
    """What one text expresses; the fields are those of ``emotion-clf predict --text``."""

    text: str
    base: Literal["Happiness", "Anger", "Sadness", "Neutral", "Other"]
    base_probability: Probability
    sub_emotion: str | None
    sub_probability: Probability | None
    intensity: str | None
    intensity_probability: Probability | None
    uncertain: bool = Field(description="Below the confidence threshold, empty, or not English.")
    labels: list[str] = Field(description="Of GoEmotions' 28, those above their thresholds.")
    base_probabilities: dict[str, Probability]
    label_scores: dict[str, Probability]
    notices: list[str] = Field(
        description="empty; not_english; in_windows: a long text, read in parts; contradictory: sentiment and emotion."
    )
    features: dict[str, float] | None
    sentiment_score: Score | None


class TextEmotions(BaseModel):
    """One result per text, in order."""

    results: list[TextEmotion]


class RecordingResult(BaseModel):
    """What one recording says; the fields are those of ``emotion-clf predict --file``."""

    file: str
    emotion: str | None
    emotion_score: Probability | None
    transcript: str | None
    sentiment_score: Score | None
    tone_sentiment_match: str
    segments: list[SegmentResult]
    status: str
    reasons: list[str]
    detail: str | None = None
    speakers: list[SpeakerResult] = []
    metrics: ConversationResult | None = None


class Failure(BaseModel):
    """Why a job has no result: a stable code, and a sentence for people."""

    code: str
    detail: str


class Job(BaseModel):
    """A recording that is or was analysed."""

    id: str
    status: Literal["queued", "running", "succeeded", "failed"]
    progress: Probability
    stage: str | None = Field(description="What is being done, while it runs.")
    file: str
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    audio_seconds: float | None
    result: RecordingResult | None = None
    failure: Failure | None = None
    webhook: Literal["none", "pending", "delivered", "failed"]


class Health(BaseModel):
    """The process answers."""

    status: Literal["ok"]
    version: str


class Readiness(BaseModel):
    """Whether requests are taken, what was verified for that, and which models answer."""

    status: Literal["ready", "not_ready"]
    checks: dict[str, Literal["ok", "starting", "failed", "draining"]]
    models: dict[str, str] = Field(description="Fingerprints: back end, revision and parameters.")
