"""The only reader of the environment and of ``config.yaml``.

Everything else takes values as arguments. Environment variables win over the file, the file over the defaults. A key
that does not exist is an error that names it and the nearest one that does, in the file and in the environment alike.
"""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
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

from emotion_pipeline.config.service_settings import SECRET_VARIABLES, Api, ApiSecrets
from emotion_pipeline.engine.common.errors import EmotionPipelineError
from emotion_pipeline.engine.common.suggestions import did_you_mean
from emotion_pipeline.engine.redact.kinds import DataKind

PREFIX: Final = "EMOTION_"
# Names the configuration file; without it ``config.yaml`` of the working directory is read, if there is one.
CONFIG_VARIABLE: Final = "EMOTION_CONFIG"


# The documented name of ``transcription.model``.
WHISPER_VARIABLE: Final = "WHISPER_MODEL"

# What each profile sets. ``embedded`` runs on what comes with the packages, ``standard`` on weights that are downloaded
# once. Whatever is set on its own wins, and where weights are absent nothing else takes their place.
PROFILES: Final[Mapping[str, Mapping[str, Any]]] = {
    "embedded": {"transcription": {"method": "pocketsphinx"}, "tone": {"backend": "acoustic"}},
    "standard": {"transcription": {"method": "openai-whisper"}, "tone": {"backend": "wav2vec2"}},
}

# The documented name of ``log_level``.
LOG_LEVEL_VARIABLE: Final = "LOG_LEVEL"


class ConfigurationError(EmotionPipelineError):
    """A setting that does not exist or has a value that it may not have."""


# ``SCHEMA`` or ``DATABASE.SCHEMA``, plain names.
SCHEMA_NAME: Final = r"^[A-Za-z_][A-Za-z0-9_$]*(\.[A-Za-z_][A-Za-z0-9_$]*)?$"


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Transcription(_Section):
    """Which transcriber turns speech into words, and how.

    ``method``: its name, the profile's if unset. ``model``: its weights, a name or a path (also ``WHISPER_MODEL``).
    ``language``: ISO 639-1 code of what is spoken, found out if unset. ``timeout``: seconds that one recording may
    take. ``workers``: processes on CPUs, one a core if unset. ``download_root``: where fetched weights are kept.
    ``base_url``: of a transcription service, where it is not the usual one. Where Snowflake transcribes, ``times``: of
    each word, or of turns with their speaker; ``stage_schema``: ``SCHEMA`` or ``DATABASE.SCHEMA`` in which recordings
    lie meanwhile, that of ``SNOWFLAKE_*`` if unset.
    """

    method: str = "pocketsphinx"
    model: str | None = None
    language: str | None = None
    timeout: float = Field(default=3600.0, gt=0)
    workers: int | None = Field(default=None, ge=1)
    download_root: Path | None = None
    base_url: str | None = None
    times: Literal["word", "speaker"] = "word"
    stage_schema: str | None = Field(default=None, pattern=SCHEMA_NAME)


class Compute(_Section):
    """What models compute on.

    ``device``: auto, cpu, cuda or mps; one that is asked for and not there is an error. ``precision``: auto, float32,
    float16 or bfloat16. ``allocator``: ``PYTORCH_CUDA_ALLOC_CONF``, unless that variable is set.
    """

    device: Literal["auto", "cpu", "cuda", "mps"] = "auto"
    precision: Literal["auto", "float32", "float16", "bfloat16"] = "auto"
    allocator: str = "expandable_segments:True"


class Redaction(_Section):
    """Personal data in transcripts. ``kinds``: which, all if unset. ``names_model``: an installed spaCy pipeline that
    finds names of persons. ``silence_audio``: silence them in the stored copies, too.
    """

    enabled: bool = True
    kinds: tuple[DataKind, ...] | None = None
    names_model: str | None = None
    silence_audio: bool = False

    @model_validator(mode="after")
    def _names_need_a_model(self) -> Self:
        if self.kinds and DataKind.PERSON_NAME in self.kinds and self.names_model is None:
            raise ValueError("person_name needs redaction.names_model, an installed spaCy pipeline")
        return self


class Diarization(_Section):
    """Telling voices on one channel apart. ``method``: which diarizer, none if unset. ``segmentation_model``,
    ``embedding_model``: its model files. ``speakers``: how many there are, found out if unset.
    """

    method: str | None = None
    segmentation_model: Path = Path("models/segmentation.onnx")
    embedding_model: Path = Path("models/embedding.onnx")
    speakers: int | None = Field(default=None, ge=1)


class Classification(_Section):
    """``confidence_threshold``: below it a text emotion is kept and flagged uncertain."""

    confidence_threshold: float = Field(default=0.65, ge=0.0, le=1.0)


class Tone(_Section):
    """Which model judges how it sounded.

    ``backend``: its name, the profile's if unset. ``model``: its weights, a folder or, for wav2vec2, ``owner/name`` on
    the Hugging Face hub. ``revision``: branch, tag or commit there. ``sha256``: what the file of the weights must hash
    to, any if unset. ``download_root``: where fetched weights are kept.
    """

    backend: str = "acoustic"
    model: str | None = None
    revision: str | None = None
    sha256: str | None = Field(default=None, pattern=r"^[0-9a-fA-F]{64}$")
    download_root: Path | None = None


class Sentiment(_Section):
    """Which model scores the sentiment of words.

    ``backend``: its name. Where Snowflake scores, ``max_tokens``: that one run may use, 0 for no limit;
    ``cache_schema``: ``SCHEMA`` or ``DATABASE.SCHEMA`` in which scores are kept, that of ``SNOWFLAKE_*`` if unset.
    """

    backend: str = "emotion"
    max_tokens: int = Field(default=1_000_000, ge=0)
    cache_schema: str | None = Field(default=None, pattern=SCHEMA_NAME)


class Storage(_Section):
    """Where things are kept.

    ``backend``: who holds the tables, lake or snowflake. ``root``: a path or URL below which files lie (audio copies,
    checkpoints, refused batches), and the tables of the lake. ``marts``: the local DuckDB file that BI tools open.
    ``production_schema``: the schema of Snowflake that only deployment prod writes to.
    """

    backend: Literal["lake", "snowflake"] = "lake"
    root: str = ".emotion/lake"
    production_schema: str = "EMOTION"
    marts: Path = Path(".emotion/marts.duckdb")


class Sources(_Section):
    """Where recordings come from, and what fetching one may cost.

    ``root``: the folder of dated folders, a path or an address that fsspec or a Snowflake stage has (``s3://…``,
    ``snowflake://@db.schema.stage/…``). ``settle_seconds``: how long a file must be left alone to count as complete.
    ``max_bytes``, ``max_seconds``: of one recording. ``timeout``: seconds for all attempts at one. ``attempts``: how
    many. ``allowed_networks``: private networks that addresses may lead to, none if unset.
    """

    root: str = "recordings"
    settle_seconds: float = Field(default=10.0, ge=0.0)
    max_bytes: int = Field(default=2_000_000_000, gt=0)
    max_seconds: float = Field(default=12 * 3600.0, gt=0)
    timeout: float = Field(default=600.0, gt=0)
    attempts: int = Field(default=5, ge=1)
    allowed_networks: tuple[IPvAnyNetwork, ...] = ()


class Snowflake(BaseSettings):
    """How Snowflake is reached, from ``SNOWFLAKE_*`` variables under the connector's own names.

    Secrets come from the environment only. What is unset is not passed on, so that the connector's own file holds.
    A key pair (``private_key_file``, and ``private_key_file_pwd`` where it is encrypted), ``password``, ``token`` (with
    ``authenticator`` oauth) and ``authenticator`` externalbrowser are the ways to log in.
    """

    model_config = SettingsConfigDict(env_prefix="SNOWFLAKE_", extra="ignore", frozen=True)

    account: str | None = None
    user: str | None = None
    password: SecretStr | None = None
    authenticator: str | None = None
    token: SecretStr | None = None
    private_key_file: Path | None = None
    private_key_file_pwd: SecretStr | None = None
    role: str | None = None
    warehouse: str | None = None
    database: str | None = None
    schema_: str | None = Field(default=None, validation_alias="SNOWFLAKE_SCHEMA")
    host: str | None = None
    port: int | None = None
    protocol: str | None = None

    def arguments(self) -> dict[str, Any]:
        """Return what ``snowflake.connector.connect`` takes, secrets in the clear."""
        given = {name.rstrip("_"): value for name, value in self if value is not None}
        return {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value for name, value in given.items()
        }


class Gates(_Section):
    """Shares of a day's rows above which its batch is held back: rejected files, recordings without words."""

    max_reject_share: float = Field(default=0.5, ge=0.0, le=1.0)
    max_empty_transcript_share: float = Field(default=0.5, ge=0.0, le=1.0)


class Notifications(_Section):
    """Whom to tell of runs that failed; nobody where nothing is set.

    Slack is told where ``SLACK_WEBHOOK_URL`` is in the environment. ``smtp_host``, ``smtp_port``, ``smtp_starttls``,
    ``smtp_user``: the mail server, its password in ``SMTP_PASSWORD``. ``sender``, ``recipients``: of the e-mail.
    ``dagster_url``: of the UI, for links.
    """

    smtp_host: str | None = None
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_starttls: bool = True
    smtp_user: str | None = None
    sender: str = "emotion-pipeline@localhost"
    recipients: tuple[str, ...] = ()
    dagster_url: str | None = None

    @model_validator(mode="after")
    def _mail_needs_somebody(self) -> Self:
        if self.smtp_host and not self.recipients:
            raise ValueError("notifications.smtp_host needs notifications.recipients")
        return self


class Settings(BaseSettings):
    """All settings, frozen. Raises ConfigurationError, never pydantic's own error: use ``load_settings``.

    ``deployment``: where this runs, which decides the schema that it may write to in Snowflake (see
    ``resources.snowflake.target``). ``branch``: the name of the branch that a branch deployment runs.
    """

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    profile: Literal["embedded", "standard"] = "embedded"
    deployment: Literal["local", "branch", "prod"] = "local"
    branch: str | None = None
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    compute: Compute = Compute()
    transcription: Transcription = Transcription()
    redaction: Redaction = Redaction()
    diarization: Diarization = Diarization()
    classification: Classification = Classification()
    tone: Tone = Tone()
    sentiment: Sentiment = Sentiment()
    storage: Storage = Storage()
    sources: Sources = Sources()
    gates: Gates = Gates()
    notifications: Notifications = Notifications()
    slack_webhook_url: SecretStr | None = Field(default=None, validation_alias="SLACK_WEBHOOK_URL")
    smtp_password: SecretStr | None = Field(default=None, validation_alias="SMTP_PASSWORD")
    api: Api = Api()
    api_secrets: ApiSecrets = Field(default_factory=ApiSecrets)
    assemblyai_api_key: SecretStr | None = Field(default=None, validation_alias="ASSEMBLYAI_API_KEY")
    snowflake: Snowflake = Field(default_factory=Snowflake)

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
        file = YamlConfigSettingsSource(settings_cls, yaml_file=_config_file())
        documented = InitSettingsSource(settings_cls, _documented_variables())
        return init_settings, env_settings, documented, file, _ProfileSource(settings_cls)


class _ProfileSource(PydanticBaseSettingsSource):
    """What the profile that all other sources agreed on says; it comes after them."""

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
    """Return the settings that have a name of their own in the environment; the general form wins over it."""
    model, level = os.environ.get(WHISPER_VARIABLE), os.environ.get(LOG_LEVEL_VARIABLE)
    whisper = {"transcription": {"model": model}} if model else {}
    return whisper | ({"log_level": level.upper()} if level else {})


def _config_file() -> Path | None:
    named = os.environ.get(CONFIG_VARIABLE)
    if named is None:
        default = Path("config.yaml")
        return default if default.is_file() else None
    if not Path(named).is_file():
        raise ConfigurationError(f"{CONFIG_VARIABLE} names {named}, which is no file")
    return Path(named)


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
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"setting {key!r} does not exist{_nearest(key, _valid_keys())}")
        elif isinstance(problem.get("input"), dict):  # a whole section broke a rule: its values may be secrets
            lines.append(f"setting {key!r}: {problem['msg']}" if key else problem["msg"])
        else:
            lines.append(f"setting {key!r} is {problem.get('input')!r}: {problem['msg']}")
    return "; ".join(lines)
