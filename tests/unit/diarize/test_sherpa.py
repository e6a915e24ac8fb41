"""Two tones told apart by the real sherpa-onnx with tiny models, and the errors for files that would crash it."""

import gc
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import psutil
import pytest
from support.tiny_diarizer import (
    EMBEDDING_METADATA,
    HIGH_HZ,
    LOW_HZ,
    SEGMENTATION_METADATA,
    write_embedding,
    write_embedding_of_short_stretches,
    write_nemo_embedding,
    write_segmentation,
)

from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Channel
from emotion_pipeline.engine.diarize.base import Turn
from emotion_pipeline.engine.diarize.registry import DIARIZERS
from emotion_pipeline.engine.diarize.sherpa import SherpaDiarizer

LOW, HIGH, BOTH, NOBODY = (LOW_HZ,), (HIGH_HZ,), (LOW_HZ, HIGH_HZ), ()
SCENE = [(NOBODY, 1.0), (LOW, 4.0), (HIGH, 3.0), (NOBODY, 1.0), (BOTH, 2.0), (LOW, 5.0), (NOBODY, 0.6), (HIGH, 6.0)]


def scene(parts: Sequence[tuple[tuple[float, ...], float]]) -> Channel:
    """One channel on which tones are heard one after the other, over a noise of -80 dB."""
    pieces = []
    for tones, seconds in parts:
        time = np.arange(round(seconds * SAMPLE_RATE)) / SAMPLE_RATE
        pieces.append(sum((0.3 * np.sin(2 * np.pi * hertz * time) for hertz in tones), np.zeros(len(time))))
    joined = np.concatenate(pieces)
    return (joined + np.random.default_rng(0).normal(0.0, 1e-4, len(joined))).astype(np.float32)


def check_turns(turns: Sequence[Turn], expected: Sequence[tuple[float, float, int]]) -> None:
    """Compare with start, end and number of speaker; a frame of the model is 17 ms and sees 62 ms."""
    assert [turn.speaker for turn in turns] == [f"speaker_{number}" for _, _, number in expected]
    times = [time for turn in turns for time in (turn.span.start, turn.span.end)]
    assert times == pytest.approx([time for start, end, _ in expected for time in (start, end)], abs=0.08)


@pytest.fixture
def models(tmp_path: Path) -> tuple[Path, Path]:
    return write_segmentation(tmp_path / "segmentation.onnx"), write_embedding(tmp_path / "embedding.onnx")


def test_two_voices_are_told_apart_also_where_both_speak(models: tuple[Path, Path]) -> None:
    turns = SherpaDiarizer(*models).turns(scene(SCENE))
    check_turns(turns, [(1.0, 5.0, 1), (5.0, 8.0, 2), (9.0, 11.0, 2), (9.0, 16.0, 1), (16.6, 22.6, 2)])


def test_a_nemo_embedding_tells_them_apart_too(models: tuple[Path, Path], tmp_path: Path) -> None:
    nemo = write_nemo_embedding(tmp_path / "nemo.onnx")
    turns = SherpaDiarizer(models[0], nemo).turns(scene([(HIGH, 3.0), (LOW, 3.0)]))
    check_turns(turns, [(0.0, 3.0, 1), (3.0, 6.0, 2)])


def test_the_registry_makes_it(models: tuple[Path, Path]) -> None:
    diarizer = DIARIZERS.load("sherpa-onnx", segmentation_model=models[0], embedding_model=models[1], threads=2)
    check_turns(diarizer.turns(scene([(LOW, 2.0)])), [(0.0, 2.0, 1)])


def test_one_speaker_is_believed_where_the_user_says_so(models: tuple[Path, Path]) -> None:
    turns = SherpaDiarizer(*models, speakers=1).turns(scene([(LOW, 4.0), (HIGH, 4.0)]))
    assert {turn.speaker for turn in turns} == {"speaker_1"}


def test_the_voices_are_grouped_by_their_embeddings(models: tuple[Path, Path]) -> None:
    turns = SherpaDiarizer(*models, threshold=1.9).turns(scene([(LOW, 4.0), (HIGH, 4.0)]))
    assert {turn.speaker for turn in turns} == {"speaker_1"}


def test_speakers_keep_their_names_from_block_to_block(models: tuple[Path, Path]) -> None:
    long = scene([(LOW, 9.0), (HIGH, 5.0), (HIGH, 9.0), (LOW, 5.0), (NOBODY, 14.0), (HIGH, 14.0)])
    turns = SherpaDiarizer(*models, longest_block_s=14.0).turns(long)
    check_turns(turns, [(0.0, 9.0, 1), (9.0, 14.0, 2), (14.0, 23.0, 2), (23.0, 28.0, 1), (42.0, 56.0, 2)])


def test_blocks_in_which_nobody_speaks_have_no_turns(models: tuple[Path, Path]) -> None:
    assert SherpaDiarizer(*models, longest_block_s=4.0).turns(scene([(NOBODY, 10.0)])) == ()


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        ([(NOBODY, 30.0)], []),
        ([(LOW, 0.05)], []),
        ([(NOBODY, 3.0), (LOW, 0.05), (NOBODY, 9.0)], []),
        ([(LOW, 2.0)], [(0.0, 2.0, 1)]),
        ([(NOBODY, 1.0), (LOW, 8.97)], [(1.0, 10.0, 1)]),
        ([(LOW, 10.0)], [(0.0, 10.0, 1)]),
        ([(NOBODY, 11.0), (LOW, 0.5)], [(11.0, 11.5, 1)]),
    ],
)
def test_recordings_of_every_length_end_where_they_end(
    models: tuple[Path, Path],
    parts: list[tuple[tuple[float, ...], float]],
    expected: list[tuple[float, float, int]],
) -> None:
    check_turns(SherpaDiarizer(*models).turns(scene(parts)), expected)


@pytest.mark.parametrize("n_samples", [0, 1, 159_999, 160_000, 160_001, 176_000, 176_001])
def test_samples_of_any_number_are_taken(models: tuple[Path, Path], n_samples: int) -> None:
    turns = SherpaDiarizer(*models).turns(scene([(LOW, 12.0)])[:n_samples])
    assert len(turns) == (n_samples > 1)
    assert all(turn.span.end <= n_samples / SAMPLE_RATE for turn in turns)


def test_more_speakers_than_voices_are_no_error(models: tuple[Path, Path]) -> None:
    assert len(SherpaDiarizer(*models, speakers=9).turns(scene([(LOW, 1.0)]))) == 1


def test_the_fingerprint_names_files_and_parameters_without_opening_a_model(tmp_path: Path) -> None:
    first, second = tmp_path / "one.onnx", tmp_path / "other.onnx"
    first.write_bytes(b"one")
    second.write_bytes(b"other")
    fingerprint = SherpaDiarizer(first, second).fingerprint
    assert fingerprint.startswith("sherpa-onnx:")
    assert fingerprint.endswith(":7692c3ad3540+d9298a10d1b0:threshold=0.5,block=3600")
    assert SherpaDiarizer(first, second, speakers=2).fingerprint.endswith(":speakers=2,block=3600")
    assert SherpaDiarizer(first, second, threads=2).fingerprint == fingerprint
    assert SherpaDiarizer(second, first).fingerprint != fingerprint


@pytest.mark.parametrize(("speakers", "threshold"), [(0, 0.5), (-1, 0.5), (None, 0.0), (None, 2.1)])
def test_parameters_that_mean_nothing_are_refused(
    models: tuple[Path, Path], speakers: int | None, threshold: float
) -> None:
    with pytest.raises(ValueError, match=r"speakers is|threshold is"):
        SherpaDiarizer(*models, speakers=speakers, threshold=threshold)


def test_a_missing_file_is_named_with_what_it_has_to_be(models: tuple[Path, Path], tmp_path: Path) -> None:
    missing = tmp_path / "missing.onnx"
    with pytest.raises(BackendUnavailableError, match=r"missing\.onnx; .*pyannote segmentation.*segmentation-models"):
        SherpaDiarizer(missing, models[1])
    with pytest.raises(BackendUnavailableError, match=r"missing\.onnx; .*speaker embedding.*speaker-recongition"):
        SherpaDiarizer(models[0], missing)


@pytest.mark.parametrize("content", [b"", b"<html>Not Found</html>", b"\x08\x07" * 500])
def test_a_file_that_is_no_model_is_an_error(models: tuple[Path, Path], content: bytes) -> None:
    models[0].write_bytes(content)
    with pytest.raises(BackendUnavailableError, match=r"cannot use .*segmentation\.onnx .* pyannote segmentation"):
        SherpaDiarizer(*models).turns(scene([(LOW, 1.0)]))


def test_a_model_cut_short_is_an_error(models: tuple[Path, Path]) -> None:
    whole = models[1].read_bytes()
    models[1].write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BackendUnavailableError, match=r"cannot use .*embedding\.onnx: "):
        SherpaDiarizer(*models).turns(scene([(LOW, 1.0)]))


def test_swapped_model_files_are_an_error(models: tuple[Path, Path]) -> None:
    with pytest.raises(BackendUnavailableError, match="window_size is missing"):
        SherpaDiarizer(models[1], models[0]).turns(scene([(LOW, 1.0)]))


@pytest.mark.parametrize("key", SEGMENTATION_METADATA)
def test_missing_segmentation_metadata_is_an_error(models: tuple[Path, Path], key: str) -> None:
    write_segmentation(models[0], {name: value for name, value in SEGMENTATION_METADATA.items() if name != key})
    with pytest.raises(BackendUnavailableError, match=rf"{key}|its metadata state"):
        SherpaDiarizer(*models).turns(scene([(LOW, 1.0)]))


@pytest.mark.parametrize("key", EMBEDDING_METADATA)
def test_missing_embedding_metadata_is_an_error(models: tuple[Path, Path], key: str) -> None:
    write_embedding(models[1], {name: value for name, value in EMBEDDING_METADATA.items() if name != key})
    with pytest.raises(BackendUnavailableError, match=r"its process ended \(status .*csrc"):
        SherpaDiarizer(*models).turns(scene([(LOW, 1.0)]))


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"sample_rate": "8000"}, "8000 Hz and not 16000 Hz"),
        ({"window_size": "many"}, "window_size is many"),
        ({"window_size": "160004"}, "window_size is 160004 and not"),
        ({"window_size": "-160000"}, "window_size is -160000"),
        ({"num_classes": "6"}, "7 classes, its metadata state 6"),
        ({"num_speakers": "2", "num_classes": "4"}, "7 classes, its metadata state 4"),
        ({"receptive_field_shift": "280"}, "its process ended"),
    ],
)
def test_segmentation_metadata_that_do_not_fit_are_an_error(
    models: tuple[Path, Path], entry: dict[str, str], message: str
) -> None:
    write_segmentation(models[0], {**SEGMENTATION_METADATA, **entry})
    with pytest.raises(BackendUnavailableError, match=message):
        SherpaDiarizer(*models).turns(scene([(LOW, 1.0)]))


def test_an_embedding_that_is_not_finite_is_an_error(models: tuple[Path, Path]) -> None:
    write_embedding(models[1], spoilt_by=float("nan"))
    with pytest.raises(BackendUnavailableError, match="not finite"):
        SherpaDiarizer(*models).turns(scene([(LOW, 1.0)]))


def test_a_time_out_ends_the_child_process(models: tuple[Path, Path]) -> None:
    with pytest.raises(BackendUnavailableError, match="no answer within"):
        SherpaDiarizer(*models, time_limit_s=0.0).turns(scene([(LOW, 1.0)]))
    assert children() == set()


def test_no_process_outlives_its_diarizer(models: tuple[Path, Path]) -> None:
    diarizer = SherpaDiarizer(*models)
    assert diarizer.turns(scene([(LOW, 1.0)]))
    first = children()
    assert len(first) == 1
    assert diarizer.turns(scene([(LOW, 1.0)]))
    assert children() == first
    del diarizer
    gc.collect()
    assert children() == set()


def children() -> set[int]:
    """Return the processes of sherpa's worker: other tests of this process may have children of their own."""
    worker = "sherpa_worker"
    return {child.pid for child in psutil.Process().children() if any(worker in part for part in child.cmdline())}


def test_a_model_that_fails_on_a_recording_is_an_error(models: tuple[Path, Path], tmp_path: Path) -> None:
    brief = write_embedding_of_short_stretches(tmp_path / "brief.onnx")
    assert SherpaDiarizer(models[0], brief).turns(scene([(LOW, 2.0)]))
    with pytest.raises(BackendUnavailableError, match=r"segmentation\.onnx and .*brief\.onnx: "):
        SherpaDiarizer(models[0], brief).turns(scene([(LOW, 6.0)]))


def test_a_missing_package_is_named_with_its_extra(models: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sherpa_onnx", None)
    with pytest.raises(BackendUnavailableError, match=r"pip install 'emotion-pipeline\[diarization\]'"):
        SherpaDiarizer(*models).turns(scene([(LOW, 1.0)]))
