"""Settings come from the environment, then the file, then the defaults; a wrong key is an error that helps."""

from pathlib import Path

import pytest

from emotion_pipeline.settings import ConfigurationError, load_settings


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
    assert load_settings().transcription.method == "pocketsphinx"
