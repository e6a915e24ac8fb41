"""What settings mean to the engine, and that what is secret stays so."""

from ipaddress import ip_network
from pathlib import Path

import dagster as dg
import pytest

from emotion_pipeline.config.engine_options import backend_choice, fetch_limits, snowflake_connection
from emotion_pipeline.config.settings import ConfigurationError, Diarization, Settings, Sources, load_settings
from emotion_pipeline.definitions import build_defs
from emotion_pipeline.engine.backends import Backends, DiarizerChoice
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.redact.kinds import DataKind


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests decide nothing here."""
    monkeypatch.chdir(tmp_path)
    for name in ("WHISPER_MODEL", "ASSEMBLYAI_API_KEY"):
        monkeypatch.delenv(name, raising=False)


def test_redaction_is_on_unless_it_is_switched_off(monkeypatch: pytest.MonkeyPatch) -> None:
    redactor = Backends(backend_choice(load_settings())).redactor
    assert redactor is not None
    assert redactor.fingerprint.startswith("redact:")
    monkeypatch.setenv("EMOTION_REDACTION__ENABLED", "false")
    assert Backends(backend_choice(load_settings())).redactor is None


def test_a_kind_of_personal_data_that_does_not_exist_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_REDACTION__KINDS", '["phone_numbers"]')
    with pytest.raises(ConfigurationError, match=r"redaction\.kinds.*phone_numbers.*phone_number"):
        load_settings()


def test_names_cannot_be_redacted_without_a_model_of_names(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_REDACTION__KINDS", '["person_name"]')
    with pytest.raises(ConfigurationError, match=r"person_name needs redaction\.names_model"):
        load_settings()


def test_what_is_redacted_here_is_redacted_by_a_service_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_REDACTION__KINDS", '["phone_number"]')
    choice = backend_choice(load_settings())
    assert choice.redacts
    assert choice.redacted_kinds == (DataKind.PHONE_NUMBER,)


def test_whisper_model_is_the_documented_name_of_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings().transcription.model is None
    monkeypatch.setenv("WHISPER_MODEL", "small")
    assert backend_choice(load_settings()).transcriber_options.model == "small"
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__MODEL", "large-v3")
    assert load_settings().transcription.model == "large-v3"


def test_whisper_model_goes_before_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config.yaml").write_text("transcription: {model: tiny, timeout: 60}", encoding="utf-8")
    assert load_settings().transcription.model == "tiny"
    monkeypatch.setenv("WHISPER_MODEL", "small")
    transcription = load_settings().transcription
    assert (transcription.model, transcription.timeout) == ("small", 60.0)


def test_a_service_without_its_key_says_which_variable_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__METHOD", "assemblyai")
    with pytest.raises(BackendUnavailableError, match="ASSEMBLYAI_API_KEY"):
        _ = Backends(backend_choice(load_settings())).transcript_maker


def test_cortex_is_told_its_budget_and_where_its_cache_lies(monkeypatch: pytest.MonkeyPatch) -> None:
    assert backend_choice(load_settings()).sentiment_options.max_tokens == 1_000_000
    monkeypatch.setenv("EMOTION_SENTIMENT__BACKEND", "cortex")
    monkeypatch.setenv("EMOTION_SENTIMENT__MAX_TOKENS", "5")
    monkeypatch.setenv("EMOTION_SENTIMENT__CACHE_SCHEMA", "CALLS.SHARED")
    monkeypatch.setenv("SNOWFLAKE_ACCOUNT", "account")
    options = backend_choice(load_settings()).sentiment_options
    assert (options.max_tokens, options.cache_schema) == (5, "CALLS.SHARED")
    assert options.connect is not None
    monkeypatch.setenv("EMOTION_SENTIMENT__MAX_TOKENS", "0")
    assert backend_choice(load_settings()).sentiment_options.max_tokens is None
    monkeypatch.setenv("EMOTION_SENTIMENT__CACHE_SCHEMA", "SHARED; DROP TABLE X")
    with pytest.raises(ConfigurationError, match=r"sentiment\.cache_schema"):
        load_settings()


def test_secrets_are_in_no_representation_and_no_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ASSEMBLYAI_API_KEY", "hunter2-assembly")
    monkeypatch.setenv("SNOWFLAKE_ACCOUNT", "account")
    monkeypatch.setenv("SNOWFLAKE_PASSWORD", "hunter2-snowflake")
    settings = load_settings()
    choice = backend_choice(settings)
    assert choice.transcriber_options.api_key == "hunter2-assembly"
    resources = (build_defs(settings).resources or {}).values()
    configured = [str(resource.model_dump()) for resource in resources if isinstance(resource, dg.ConfigurableResource)]
    assert len(configured) > 4
    shown = [repr(settings), repr(choice), settings.model_dump_json(), *configured]
    assert not any("hunter2" in text for text in shown)
    assert snowflake_connection(settings.snowflake) is not None


def test_without_snowflake_settings_there_is_no_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("SNOWFLAKE_ACCOUNT", "SNOWFLAKE_PASSWORD"):
        monkeypatch.delenv(name, raising=False)
    assert snowflake_connection(load_settings().snowflake) is None


def test_limits_of_fetching_are_those_of_the_settings() -> None:
    limits = fetch_limits(Sources.model_validate({"max_bytes": 10, "timeout": 3, "allowed_networks": ["10.0.0.0/8"]}))
    assert (limits.max_bytes, limits.timeout_s) == (10, 3.0)
    assert limits.allowed_networks == (ip_network("10.0.0.0/8"),)


def test_a_network_that_is_none_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_SOURCES__ALLOWED_NETWORKS", '["office"]')
    with pytest.raises(ConfigurationError, match=r"sources\.allowed_networks.*office"):
        load_settings()


def test_a_diarizer_is_asked_for_by_name_with_its_files() -> None:
    assert backend_choice(Settings()).diarizer is None
    assert backend_choice(Settings(diarization=Diarization(method="voices"))).diarizer == DiarizerChoice("voices")
    section = Diarization(method="sherpa-onnx", segmentation_model=Path("a.onnx"), embedding_model=Path("b.onnx"))
    chosen = backend_choice(Settings(diarization=section)).diarizer
    assert chosen == DiarizerChoice("sherpa-onnx", Path("a.onnx"), Path("b.onnx"))
