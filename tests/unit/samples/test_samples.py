"""What the committed recordings promise: formats, lengths, levels, and being the ones that the dialogues describe."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yaml
from av.error import InvalidDataError

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.inspect import inspect
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.sources.lists import MANIFEST, read_manifest

SAMPLES = Path(__file__).resolve().parents[3] / "samples"
DIALOGUES = yaml.safe_load((SAMPLES / "dialogues.yaml").read_text(encoding="utf-8"))
BROKEN = DIALOGUES["broken"]["file"]
CODECS = {".wav": "pcm_s16le", ".mp3": "mp3float", ".flac": "flac", ".ogg": "opus", ".m4a": "aac"}

PASSAGES = [{**entry, "channels": [["actor"]]} for entry in DIALOGUES["passages"]]
RECORDINGS = [*DIALOGUES["recordings"], *PASSAGES]
STEREO = [entry for entry in DIALOGUES["recordings"] if len(entry["channels"]) == 2]

every_recording = pytest.mark.parametrize("entry", RECORDINGS, ids=lambda entry: entry["file"])
every_stereo_recording = pytest.mark.parametrize("entry", STEREO, ids=lambda entry: entry["file"])


def files_below(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.glob("????-??-??/*") if path.name != MANIFEST}


def remake(folder: Path, search_path: str, *options: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(SAMPLES / "make_samples.py"), "--into", str(folder), *options]
    environment = {**os.environ, "PATH": search_path}
    return subprocess.run(command, env=environment, check=False, capture_output=True, text=True)


def test_the_dialogues_name_exactly_the_files_on_disk() -> None:
    assert files_below(SAMPLES) == {BROKEN, *(entry["file"] for entry in RECORDINGS)}


def test_the_readme_lists_every_file() -> None:
    readme = (SAMPLES / "README.md").read_text(encoding="utf-8")
    assert [file for file in files_below(SAMPLES) if f"`{file}`" not in readme] == []


def test_the_manifests_name_recordings_of_their_day() -> None:
    for manifest in SAMPLES.glob(f"????-??-??/{MANIFEST}"):
        listed = read_manifest(manifest.read_text(encoding="utf-8"), manifest.name)
        assert {f"{manifest.parent.name}/{entry.path}" for entry in listed} <= files_below(SAMPLES)
        assert all(entry.metadata.attributes for entry in listed)


def test_the_synthetic_samples_cover_two_days_five_formats_four_moods_and_two_stereo_calls() -> None:
    recordings = DIALOGUES["recordings"]
    assert len(recordings) >= 7
    assert len({Path(entry["file"]).parent for entry in recordings}) == 2
    assert {Path(entry["file"]).suffix for entry in recordings} == set(CODECS)
    assert {entry["mood"] for entry in recordings} == {"happy", "angry", "neutral", "sad"}
    assert len(STEREO) == 2


def test_all_samples_together_are_smaller_than_five_megabytes() -> None:
    assert sum(path.stat().st_size for path in SAMPLES.rglob("*") if path.is_file()) < 5_000_000


@every_recording
def test_a_recording_keeps_every_recording_rule_and_its_promised_format(entry: dict[str, Any]) -> None:
    verdict = inspect(SAMPLES / entry["file"])
    assert (verdict.status, verdict.warnings) == ("accepted", ())
    assert verdict.codec == CODECS[Path(entry["file"]).suffix]
    assert (verdict.sample_rate_hz, verdict.channels) == (entry["sample_rate"], len(entry["channels"]))
    assert verdict.seconds is not None and 30 <= verdict.seconds <= 90
    assert verdict.peak_dbfs is not None and verdict.peak_dbfs < -0.5


@every_recording
def test_the_readme_gives_a_recordings_length(entry: dict[str, Any]) -> None:
    seconds = decode(SAMPLES / entry["file"]).shape[1] / 16_000
    rows = (SAMPLES / "README.md").read_text(encoding="utf-8").splitlines()
    row = next(line for line in rows if f"`{entry['file']}`" in line)
    assert float(row.split("|")[5]) == pytest.approx(seconds, abs=0.1)


@pytest.mark.parametrize("entry", PASSAGES, ids=lambda entry: entry["file"])
def test_a_passage_is_its_clips_one_after_the_other(entry: dict[str, Any], shared_data: Path) -> None:
    pause = np.zeros(round(entry["pause"] * entry["sample_rate"]))
    pieces = [pause]
    for clip in entry["clips"]:
        file = next((shared_data / "tone" / entry["corpus"]).glob(f"{clip}.*"))
        pieces += [decode(file)[0], pause]
    passage, joined = decode(SAMPLES / entry["file"])[0], np.concatenate(pieces)
    gain = np.abs(passage).max() / np.abs(joined).max()
    assert passage == pytest.approx(joined * gain, abs=1e-4)


@every_stereo_recording
def test_the_speakers_of_a_stereo_recording_do_not_leak_into_each_other(entry: dict[str, Any]) -> None:
    waveform = decode(SAMPLES / entry["file"], keep_channels=True)
    frames = waveform[:, : waveform.shape[1] // 1600 * 1600].reshape(2, -1, 1600)
    loud = np.abs(frames).max(axis=2) > 0.05
    both = np.count_nonzero(loud.all(axis=0)) / np.count_nonzero(loud.any(axis=0))
    assert loud.any(axis=1).all()
    assert both < 0.05


def test_the_interrupted_upload_yields_no_sample_to_any_decoder() -> None:
    with pytest.raises(InvalidDataError):
        av.open(str(SAMPLES / BROKEN))
    assert inspect(SAMPLES / BROKEN).reason is RejectReason.UNREADABLE


def test_remaking_without_espeak_says_that_it_is_needed_only_for_that(tmp_path: Path) -> None:
    answer = remake(tmp_path, search_path=str(tmp_path))
    assert answer.returncode == 1
    assert "espeak-ng is not on the PATH" in answer.stderr
    assert "needed only to remake the samples" in answer.stderr
    assert files_below(tmp_path) == set()


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed; it is needed only to remake")
def test_remaking_twice_gives_the_same_bytes(tmp_path: Path) -> None:
    for attempt in ("first", "second"):
        answer = remake(tmp_path / attempt, os.environ["PATH"])
        assert answer.returncode == 0, answer.stderr
    assert files_below(tmp_path / "first") == files_below(SAMPLES) - {entry["file"] for entry in PASSAGES}
    for file in files_below(tmp_path / "first"):
        assert (tmp_path / "first" / file).read_bytes() == (tmp_path / "second" / file).read_bytes(), file
