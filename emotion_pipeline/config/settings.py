"""All settings: the only module that reads the environment and ``config.yaml``. Others take values as arguments.

Environment variables win over the file, the file over the profile, the profile over the defaults. An unknown key, in
the file or in the environment, is an error that names it and the nearest valid one.
"""

import os
from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final, Literal, Self

import yaml
from pydantic import (
    BaseModel,
    Field,
    IPvAnyNetwork,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    YamlConfigSettingsSource,
)

from emotion_pipeline.config.service_settings import SECRET_VARIABLES, Api, ApiSecrets, Section
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.conversation.role_names import Role
from emotion_pipeline.engine.redact.kinds import DataKind

PREFIX: Final = "EMOTION_"
# Names the configuration file; without it ``config.yaml`` of the working directory is read, if there is one.
CONFIG_VARIABLE: Final = "EMOTION_CONFIG"
# The documented names of ``transcription.model`` and ``log_level``.
WHISPER_VARIABLE: Final = "WHISPER_MODEL"
LOG_LEVEL_VARIABLE: Final = "LOG_LEVEL"

# Where nothing else is said, recordings of no earlier day are looked for.
FIRST_DAY: Final = date(2015, 1, 1)

# What each profile sets. ``embedded`` runs on what comes with the packages, ``standard`` on weights that are downloaded
# once. A setting of the user's wins, and where weights are absent nothing else takes their place.
PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "embedded": {"transcription": {"method": "faster-whisper"}, "tone": {"backend": "acoustic"}},
    "standard": {"transcription": {"method": "openai-whisper"}, "tone": {"backend": "wav2vec2"}},
}

# ``SCHEMA`` or ``DATABASE.SCHEMA``, plain names.
SCHEMA_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$"


class ConfigurationError(EmotionPipelineError):
    """A setting that does not exist, or whose value is not allowed."""


class Transcription(Section):
    """Turning speech into words."""

    # faster-whisper, openai-whisper, transformers, assemblyai or cortex; the profile's if unset.
    method: str = "faster-whisper"
    # Weights: a name or a path (also WHISPER_MODEL); the back end's own if unset, tiny.en of faster-whisper.
    model: str | None = None
    # ISO 639-1 code of the spoken language; detected if unset.
    language: str | None = None
    # Seconds that one recording may take.
    timeout: float = Field(default=3600.0, gt=0)
    # Cores of the CPU that faster-whisper may use; all if unset.
    threads: int | None = Field(default=None, ge=1)
    # Folder of downloaded weights; the library's own if unset.
    download_root: Path | None = None
    # Address of AssemblyAI's API, where it is not the usual one.
    base_url: str | None = None
    # Of cortex: times of each word, or of turns with their speaker.
    times: Literal["word", "speaker"] = "word"
    # Of cortex: SCHEMA or DATABASE.SCHEMA for recordings while they are transcribed; that of SNOWFLAKE_* if unset.
    stage_schema: str | None = Field(default=None, pattern=SCHEMA_NAME)

    @field_validator("method")
    @classmethod
    def _not_retired(cls, method: str) -> str:
        if method == "pocketsphinx":
            raise ValueError(
                "pocketsphinx is no longer used; its successor, also without a download, is faster-whisper"
            )
        return method


class Compute(Section):
    """What models compute on."""

    # A device that is named and absent is an error.
    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"


class Redaction(Section):
    """Removing personal data from transcripts before they are stored."""

    enabled: bool = True
    # Kinds of data to remove; all if unset.
    kinds: tuple[DataKind, ...] | None = None
    # An installed spaCy pipeline that finds names of persons.
    names_model: str | None = None
    # Silence personal data in the stored audio, too.
    silence_audio: bool = False

    @model_validator(mode="after")
    def _names_need_a_model(self) -> Self:
        if self.kinds and DataKind.PERSON_NAME in self.kinds and self.names_model is None:
            raise ValueError("person_name needs redaction.names_model, an installed spaCy pipeline")
        return self


class Diarization(Section):
    """Telling voices on one channel apart."""

    # none leaves one speaker a channel; voices comes with the package, sherpa-onnx needs model files.
    method: str = "none"
    # The model files of sherpa-onnx.
    segmentation_model: Path = Path("models/segmentation.onnx")
    embedding_model: Path = Path("models/embedding.onnx")
    # Number of speakers; estimated if unset.
    speakers: int | None = Field(default=None, ge=1)


class Classification(Section):
    """The emotion of texts."""

    # A text emotion of lower probability is kept and flagged uncertain.
    confidence_threshold: float = Field(default=0.65, ge=0.0, le=1.0)


class Emotion(Section):
    """The model that reads the emotion of texts."""

    # Folder that ``emotion-clf train text`` wrote; the model that comes with the package if unset.
    model: Path | None = None


class Tone(Section):
    """The emotion of voices."""

    # acoustic or wav2vec2; the profile's if unset.
    backend: str = "acoustic"
    # Weights: a folder or, for wav2vec2, owner/name on the Hugging Face hub.
    model: str | None = None
    # Branch, tag or commit on the hub.
    revision: str | None = None
    # SHA-256 of the file of the weights; not checked if unset.
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")
    # Folder of downloaded weights; the library's own if unset.
    download_root: Path | None = None


class Sentiment(Section):
    """The sentiment of texts."""

    # emotion or vader; inside Snowflake cortex or cortex-ai.
    backend: str = "emotion"
    # Of cortex: tokens that one run may use; 0 for no limit.
    max_tokens: int = Field(default=1_000_000, ge=0)
    # Of cortex: SCHEMA or DATABASE.SCHEMA in which scores are kept; that of SNOWFLAKE_* if unset.
    cache_schema: str | None = Field(default=None, pattern=SCHEMA_NAME)


class Conversation(Section):
    """How calls are read."""

    # Roles of the two channels of a two-sided call, the first channel first; found out from the words if empty.
    roles_by_channel: tuple[Role, ...] = Field(default=(), max_length=2)


class Storage(Section):
    """Where results are kept."""

    # Which system holds the tables.
    backend: Literal["lake", "snowflake"] = "lake"
    # A path or URL for audio copies, checkpoints, refused batches, and the tables of the lake.
    root: str = ".emotion/lake"
    # The schema of Snowflake that only deployment prod writes to.
    production_schema: str = "EMOTION"
    # The local DuckDB file that BI tools open.
    marts: Path = Path(".emotion/marts.duckdb")
    # Days after which a day's rows and audio copies are erased, every night; kept for ever if unset.
    keep_days: int | None = Field(default=None, ge=1)


class Sources(Section):
    """Where recordings come from, and what fetching one may cost."""

    # The folder of dated folders: a path, an address of fsspec (s3://…), or snowflake://@db.schema.stage/….
    root: str = "recordings"
    # The first day that may have recordings: the first partition of every table.
    first_day: date = FIRST_DAY
    # The last one; every day has its partition as soon as it begins if unset.
    last_day: date | None = None
    # Seconds for which a file must not have changed to count as complete.
    settle_seconds: float = Field(default=10.0, ge=0.0)
    # Largest size and length of one recording.
    max_bytes: int = Field(default=2_000_000_000, gt=0)
    max_seconds: float = Field(default=12 * 3600.0, gt=0)
    # Seconds for all attempts at one recording, and how many attempts there are.
    timeout: float = Field(default=600.0, gt=0)
    attempts: int = Field(default=5, ge=1)
    # Private networks that addresses may lead to; none if unset.
    allowed_networks: tuple[IPvAnyNetwork, ...] = ()

    @model_validator(mode="after")
    def _days_are_in_order(self) -> Self:
        if self.last_day is not None and self.last_day < self.first_day:
            raise ValueError(f"sources.last_day {self.last_day} lies before sources.first_day {self.first_day}")
        return self


class Snowflake(BaseSettings):
    """The connection to Snowflake, from ``SNOWFLAKE_*`` variables with the names of its Python connector.

    Secrets come from the environment only. What is unset is not passed on, so the connector's own file applies.
    """

    model_config = SettingsConfigDict(env_prefix="SNOWFLAKE_", extra="ignore", frozen=True)

    account: str | None = None
    user: str | None = None
    # One way to log in: a password, a key pair, an OAuth token (authenticator oauth), or externalbrowser.
    password: SecretStr | None = None
    authenticator: str | None = None
    token: SecretStr | None = None
    private_key_file: Path | None = None
    # Where the key is encrypted.
    private_key_file_pwd: SecretStr | None = None
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema_: str | None = Field(default=None, validation_alias="SNOWFLAKE_SCHEMA")
    # Where they are not Snowflake's own.
    host: str | None = None
    port: int | None = None
    protocol: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return the arguments of ``snowflake.connector.connect``, secrets in the clear."""
        values = {name.rstrip("_"): value for name, value in self if value is not None}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in values.items()
        }


class Gates(Section):
    """Shares of a day's rows above which its batch is held back."""

    # Rejected files.
    max_reject_share: float = Field(default=0.5, ge=0.0, le=1.0)
    # Recordings without words.
    max_empty_transcript_share: float = Field(default=0.5, ge=0.0, le=1.0)
    # Segments whose sentiment contradicts the emotion of the same words, of the rows of tone_sentiment.
    max_contradictory_share: float = Field(default=0.5, ge=0.0, le=1.0)


class Notifications(Section):
    """Messages about failed runs: to Slack where SLACK_WEBHOOK_URL is set, by e-mail where smtp_host is."""

    # The mail server; its password is SMTP_PASSWORD.
    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_starttls: bool = True
    smtp_user: str | None = None
    sender: str = "emotion-pipeline@localhost"
    recipients: tuple[str, ...] = ()
    # Address of the Dagster UI, for links.
    dagster_url: str | None = None

    @model_validator(mode="after")
    def _mail_needs_a_recipient(self) -> Self:
        if self.smtp_host and not self.recipients:
            raise ValueError("notifications.smtp_host needs notifications.recipients")
        return self


class Dashboard(Section):
    """What people see and hear in the dashboard."""

    # Play the stored copies of recordings; redacted words are silent in them only with redaction.silence_audio.
    audio: bool = True


class Settings(BaseSettings):
    """All settings, frozen. Use ``load_settings``, which raises ConfigurationError instead of pydantic's own error."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    # Which models do the work, see ``PROFILES``.
    profile: Literal["embedded", "standard"] = "embedded"
    # Where this runs; it decides the schema of Snowflake (see ``warehouse.snowflake.target``).
    deployment: Literal["local", "branch", "prod"] = "local"
    # Name of the branch that a branch deployment runs.
    branch: str | None = None
    # Also LOG_LEVEL.
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    compute: Compute = Compute()
    transcription: Transcription = Transcription()
    redaction: Redaction = Redaction()
    diarization: Diarization = Diarization()
    classification: Classification = Classification()
    emotion: Emotion = Emotion()
    tone: Tone = Tone()
    sentiment: Sentiment = Sentiment()
    conversation: Conversation = Conversation()
    storage: Storage = Storage()
    sources: Sources = Sources()
    gates: Gates = Gates()
    notifications: Notifications = Notifications()
    dashboard: Dashboard = Dashboard()
    api: Api = Api()
    snowflake: Snowflake = Field(default_factory=Snowflake)
    # Secrets, from the environment only.
    api_secrets: ApiSecrets = Field(default_factory=ApiSecrets)
    assemblyai_api_key: SecretStr | None = Field(default=None, validation_alias="ASSEMBLYAI_API_KEY")
    slack_webhook_url: SecretStr | None = Field(default=None, validation_alias="SLACK_WEBHOOK_URL")
    smtp_password: SecretStr | None = Field(default=None, validation_alias="SMTP_PASSWORD")

    @field_validator("api_secrets", mode="before")
    @classmethod
    def _from_the_environment(cls, value: object) -> object:
        if not isinstance(value, ApiSecrets):
            raise ValueError(f"secrets are read from the environment only: {', '.join(sorted(SECRET_VARIABLES))}")  # noqa: TRY004 - pydantic turns it into its own error
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        file = _FileSource(settings_cls, yaml_file=_config_file())
        documented = InitSettingsSource(settings_cls, _documented_variables())
        return init_settings, env_settings, documented, file, _ProfileSource(settings_cls)


class _FileSource(YamlConfigSettingsSource):
    """The values of the configuration file. Raises ConfigurationError for one that cannot be read."""

    def _read_file(self, file_path: Any) -> dict[str, Any]:
        try:
            content = super()._read_file(file_path)
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            what = " ".join(str(error).split())
            raise ConfigurationError(f"{file_path} is not YAML in UTF-8: {what}") from error
        if not isinstance(content, dict) or not all(isinstance(key, str) for key in content):
            raise ConfigurationError(f"{file_path} holds no settings by name; write them as in storage: {{root: lake}}")
        return content


class _ProfileSource(PydanticBaseSettingsSource):
    """The values of the profile; it comes after the sources that choose the profile."""

    def __call__(self) -> dict[str, Any]:
        return dict(PROFILES.get(str(self.current_state.get("profile")), {}))

    def get_field_value(self, field: FieldInfo, field_name: str) -> tuple[Any, str, bool]:
        return self().get(field_name), field_name, False


def load_settings() -> Settings:
    """Read the settings. Raises ConfigurationError naming the key, what is wrong with it and the nearest valid key."""
    _refuse_unknown_variables(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from error


def _documented_variables() -> dict[str, Any]:
    """Return the settings with a second name in the environment; the name that starts with ``PREFIX`` wins."""
    model, level = os.environ.get(WHISPER_VARIABLE), os.environ.get(LOG_LEVEL_VARIABLE)
    whisper = {"transcription": {"model": model}} if model else {}
    return whisper | ({"log_level": level.upper()} if level else {})


def _config_file() -> Path | None:
    path = os.environ.get(CONFIG_VARIABLE)
    if path is None:
        default = Path("config.yaml")
        return default if default.is_file() else None
    if not Path(path).is_file():
        raise ConfigurationError(f"{CONFIG_VARIABLE} names {path}, which is not a file")
    return Path(path)


def _valid_keys(model: type[BaseModel] = Settings, prefix: str = "") -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        if field.validation_alias is not None or field.annotation in {Snowflake, ApiSecrets}:
            continue  # read from a variable of another name
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys.extend(_valid_keys(field.annotation, f"{prefix}{name}."))
    return keys


def _nearest(key: str, valid: Iterable[str]) -> str:
    return did_you_mean(key, valid, cutoff=0.4)


def _refuse_unknown_variables(environment: Iterable[str]) -> None:
    valid = {PREFIX + key.replace(".", "__").upper() for key in _valid_keys()} | {CONFIG_VARIABLE} | SECRET_VARIABLES
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in valid:
            raise ConfigurationError(f"environment variable {name} sets nothing{_nearest(name.upper(), valid)}")


def _explain(error: ValidationError) -> str:
    lines: list[str] = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"setting {key!r} does not exist{_nearest(key, _valid_keys())}")
        elif isinstance(problem.get("input"), dict):  # a whole section broke a rule: its values may be secrets
            lines.append(f"setting {key!r}: {problem['msg']}" if key else problem["msg"])
        else:
            lines.append(f"setting {key!r} is {problem.get('input')!r}: {problem['msg']}")
    return "; ".join(lines)
