"""Settings come from the environment, then the file, then the defaults; a wrong key is an error that helps."""

import re
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import SecretStr

from emotion_pipeline.config.settings import PROFILES, ConfigurationError, Settings, load_settings


@pytest.fixture(autouse=True)
def _empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def _config(text: str) -> None:
    Path("config.yaml").write_text(text, encoding="utf-8")


def test_without_file_and_environment_the_defaults_hold() -> None:
    settings = load_settings()
    assert settings.profile == "embedded"
    assert settings.classification.confidence_threshold == 0.65


def test_the_environment_wins_over_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    _config("storage: {root: from-file}\nclassification: {confidence_threshold: 0.5}\n")
    monkeypatch.setenv("EMOTION_STORAGE__ROOT", "from-environment")
    settings = load_settings()
    assert settings.storage.root == "from-environment"
    assert settings.classification.confidence_threshold == 0.5


def test_an_unknown_key_in_the_file_is_named_with_the_nearest_valid_one() -> None:
    _config("classification: {confidence_treshold: 0.5}\n")
    with pytest.raises(ConfigurationError, match=r"confidence_treshold.*classification\.confidence_threshold"):
        load_settings()


def test_an_unknown_variable_is_named_with_the_nearest_valid_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_STORAGE__ROT", "lake")
    with pytest.raises(ConfigurationError, match=r"EMOTION_STORAGE__ROT.*EMOTION_STORAGE__ROOT"):
        load_settings()


def test_a_value_out_of_range_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_GATES__MAX_REJECT_SHARE", "7")
    with pytest.raises(ConfigurationError, match=r"gates\.max_reject_share.*7"):
        load_settings()


def test_a_configuration_file_that_is_named_must_exist(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CONFIG", "nowhere.yaml")
    with pytest.raises(ConfigurationError, match=r"nowhere\.yaml"):
        load_settings()


def test_the_committed_configuration_is_valid(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_CONFIG", str(repository / "config.yaml"))
    assert load_settings().transcription.method == "faster-whisper"


def test_what_the_committed_configuration_shows_as_examples_is_valid(repository: Path) -> None:
    text = (repository / "config.yaml").read_text(encoding="utf-8")
    _config(re.sub(r"^( *)# ( *\w+:.*|  .*)$", r"\1\2", text, flags=re.MULTILINE))
    settings = load_settings()
    assert settings.transcription.method == "faster-whisper"
    assert settings.tone.backend == "wav2vec2"
    assert settings.notifications.recipients == ("on-call@example.org",)


def test_a_profile_chooses_the_back_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    embedded = load_settings()
    assert (embedded.transcription.method, embedded.tone.backend) == ("faster-whisper", "acoustic")
    monkeypatch.setenv("EMOTION_PROFILE", "standard")
    standard = load_settings()
    assert (standard.transcription.method, standard.tone.backend) == ("openai-whisper", "wav2vec2")


def test_what_is_set_on_its_own_wins_over_the_profile(monkeypatch: pytest.MonkeyPatch) -> None:
    _config("profile: standard\ntranscription: {method: faster-whisper, timeout: 60}\n")
    assert load_settings().transcription.method == "faster-whisper"
    assert load_settings().tone.backend == "wav2vec2"
    monkeypatch.setenv("EMOTION_TONE__BACKEND", "acoustic")
    assert load_settings().tone.backend == "acoustic"
    monkeypatch.setenv("EMOTION_PROFILE", "embedded")
    assert load_settings().transcription.method == "faster-whisper"


def test_the_environment_wins_over_the_profile_of_the_committed_file(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_CONFIG", str(repository / "config.yaml"))
    monkeypatch.setenv("EMOTION_PROFILE", "standard")
    assert load_settings().tone.backend == "wav2vec2"
    assert load_settings().transcription.method == "openai-whisper"


def test_a_profile_that_does_not_exist_is_named_with_those_that_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_PROFILE", "standart")
    with pytest.raises(ConfigurationError, match=r"'profile' is 'standart'.*'embedded' or 'standard'"):
        load_settings()


def test_every_profile_sets_what_exists() -> None:
    for profile, sections in PROFILES.items():
        chosen = Settings(profile=cast(Any, profile)).model_dump()
        for section, values in sections.items():
            assert {name: chosen[section][name] for name in values} == values


def test_secrets_of_the_service_come_from_the_environment_only(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMOTION_JWT_SECRET", "x" * 32)
    assert load_settings().api_secrets.jwt_secret == SecretStr("x" * 32)
    Path("config.yaml").write_text("api_secrets: {jwt_secret: do-not-put-it-here}\n")
    with pytest.raises(ConfigurationError, match="from the environment only"):
        load_settings()


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("EMOTION_JWT_SECRET", "too-short"),
        ("EMOTION_WEBHOOK_SECRET", "a secret as long as ever you like, but of no form"),
        ("EMOTION_WEBHOOK_SECRET", "whsec_dG9vLXNob3J0"),
        ("EMOTION_WEBHOOK_SECRET", f"whsec_{'A' * 30}*{'A' * 13}"),
        ("EMOTION_WEBHOOK_SECRET", f"whsec_{'A' * 88}"),
    ],
)
def test_an_unusable_secret_is_refused_and_not_shown(
    variable: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=rf"{variable} .*make one with: ") as refused:
        load_settings()
    assert value not in str(refused.value)


def test_the_documented_name_of_the_log_level_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOG_LEVEL", "debug")
    assert load_settings().log_level == "DEBUG"


def test_a_retired_transcriber_names_its_successor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__METHOD", "pocketsphinx")
    with pytest.raises(ConfigurationError, match=r"transcription\.method.*successor.*faster-whisper"):
        load_settings()
