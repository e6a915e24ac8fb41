"""The only reader of the environment and of ``config.yaml``.

Everything else takes values as arguments. Environment variables win over the file, the file over the defaults. A key
that does not exist is an error that names it and the nearest one that does, in the file and in the environment alike.
"""

import difflib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, YamlConfigSettingsSource

from emotion_pipeline.engine.errors import EmotionPipelineError

PREFIX: Final = "EMOTION_"
CONFIG_VARIABLE: Final = "EMOTION_CONFIG"
"""Names the configuration file; without it ``config.yaml`` of the working directory is read, if there is one."""


class ConfigurationError(EmotionPipelineError):
    """A setting that does not exist or has a value that it may not have."""


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Transcription(_Section):
    """``method``: which transcriber turns speech into words. ``workers``: its processes, one a core if unset."""

    method: str = "pocketsphinx"
    workers: int | None = Field(default=None, ge=1)


class Classification(_Section):
    """``confidence_threshold``: below it a text emotion is kept and flagged uncertain."""

    confidence_threshold: float = Field(default=0.65, ge=0.0, le=1.0)


class Tone(_Section):
    """``backend``: which model judges how it sounded."""

    backend: str = "acoustic"


class Sentiment(_Section):
    """``backend``: which model scores the sentiment of words."""

    backend: str = "vader"


class Storage(_Section):
    """``root``: where the lake lies, a path or URL. ``marts``: the local DuckDB file that BI tools open."""

    root: str = ".emotion/lake"
    marts: Path = Path(".emotion/marts.duckdb")


class Sources(_Section):
    """``root``: the folder of dated folders. ``settle_seconds``: how long a file must be left alone to count as
    complete.
    """

    root: Path = Path("recordings")
    settle_seconds: float = Field(default=10.0, ge=0.0)


class Gates(_Section):
    """Shares of a day's rows above which its batch is held back: rejected files, recordings without words."""

    max_reject_share: float = Field(default=0.5, ge=0.0, le=1.0)
    max_empty_transcript_share: float = Field(default=0.5, ge=0.0, le=1.0)


class Settings(BaseSettings):
    """All settings, frozen. Raises ConfigurationError, never pydantic's own error: use ``load_settings``."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_nested_delimiter="__", extra="forbid", frozen=True)

    profile: Literal["embedded"] = "embedded"
    transcription: Transcription = Transcription()
    classification: Classification = Classification()
    tone: Tone = Tone()
    sentiment: Sentiment = Sentiment()
    storage: Storage = Storage()
    sources: Sources = Sources()
    gates: Gates = Gates()

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
        return init_settings, env_settings, file


def load_settings() -> Settings:
    """Read the settings. Raises ConfigurationError naming the key, what is wrong with it and the nearest valid key."""
    _refuse_unknown_variables(os.environ)
    try:
        return Settings()
    except ValidationError as error:
        raise ConfigurationError(_explain(error)) from error


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
        keys.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys.extend(_valid_keys(field.annotation, f"{prefix}{name}."))
    return keys


def _nearest(key: str, valid: Iterable[str]) -> str:
    near = difflib.get_close_matches(key, list(valid), n=1, cutoff=0.4)
    return f"; did you mean {near[0]!r}?" if near else ""


def _refuse_unknown_variables(environment: Iterable[str]) -> None:
    valid = {PREFIX + key.replace(".", "__").upper() for key in _valid_keys()} | {CONFIG_VARIABLE}
    for name in environment:
        if name.upper().startswith(PREFIX) and name.upper() not in valid:
            raise ConfigurationError(f"environment variable {name} sets nothing{_nearest(name.upper(), valid)}")


def _explain(error: ValidationError) -> str:
    lines = []
    for problem in error.errors():
        key = ".".join(str(part) for part in problem["loc"])
        if problem["type"] == "extra_forbidden":
            lines.append(f"setting {key!r} does not exist{_nearest(key, _valid_keys())}")
        else:
            lines.append(f"setting {key!r} is {problem.get('input')!r}: {problem['msg']}")
    return "; ".join(lines)
