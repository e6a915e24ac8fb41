"""FLAC files that hold what was written to them, and appear whole or not at all."""

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from support.media import tone

from emotion_pipeline.engine.audio.decode import decode, probe
from emotion_pipeline.engine.audio.encode import FlacWriter, encode_flac, write_flac
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

LEAST_BIT = 1 / 2**15

SAMPLES = st.integers(1, 2).flatmap(
    lambda channels: hnp.arrays(
        np.float32, st.tuples(st.just(channels), st.integers(1, 9_000)), elements=st.floats(-1, 1, width=32)
    )
)


@contextmanager
def room_for(n_bytes: int) -> Iterator[None]:
    """Let no file grow beyond ``n_bytes``, as on a disk that is almost full."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@given(SAMPLES)
@settings(max_examples=30, deadline=None)
def test_samples_survive_to_the_least_bit(waveform: Waveform) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / "a.flac"
        encode_flac(waveform, path)
        copy = decode(path, keep_channels=True)
    assert copy.shape == waveform.shape
    assert np.abs(copy - waveform).max() <= LEAST_BIT


def test_blocks_of_any_size_join_without_a_seam(tmp_path: Path, rng: np.random.Generator) -> None:
    waveform = rng.uniform(-1, 1, (2, 50_000)).astype(np.float32)
    cuts = [0, 1, 17, 4_608, 4_609, 30_000, 50_000]
    blocks = (waveform[:, start:end] for start, end in pairwise(cuts))
    write_flac(blocks, tmp_path / "a.flac")
    encode_flac(waveform, tmp_path / "b.flac")
    joined = decode(tmp_path / "a.flac", keep_channels=True)
    assert np.array_equal(joined, decode(tmp_path / "b.flac", keep_channels=True))
    assert np.abs(joined - waveform).max() <= LEAST_BIT


def test_the_file_is_16_khz_16_bit_flac_that_states_its_length(tmp_path: Path) -> None:
    encode_flac(tone(seconds=2.5), tmp_path / "a.flac")
    info = probe(tmp_path / "a.flac")
    assert (info.container, info.codec, info.sample_rate_hz, info.bit_depth) == ("flac", "flac", SAMPLE_RATE, 16)
    assert info.declared_seconds == pytest.approx(2.5, abs=1e-3)


def test_samples_beyond_full_scale_are_held_at_it(tmp_path: Path) -> None:
    encode_flac(np.array([[2.0, -2.0, 1.0, -1.0] * 100], dtype=np.float32), tmp_path / "a.flac")
    assert decode(tmp_path / "a.flac")[0, :4] == pytest.approx([1, -1, 1, -1], abs=LEAST_BIT)


def test_a_file_is_there_only_when_it_is_published(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    with FlacWriter(path, 1) as writer:
        writer.write(tone())
        assert not path.exists()
        writer.publish()
        assert path.exists()
    assert list(tmp_path.iterdir()) == [tmp_path / "a.flac"]


def test_a_file_that_is_not_published_leaves_nothing(tmp_path: Path) -> None:
    with FlacWriter(tmp_path / "a.flac", 1) as writer:
        writer.write(tone())
    assert list(tmp_path.iterdir()) == []


def test_a_failure_while_writing_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    encode_flac(tone(200.0), path)
    older = path.read_bytes()

    def blocks() -> Iterator[Waveform]:
        yield tone(900.0)
        raise ConnectionError("the source went away")

    with pytest.raises(ConnectionError):
        write_flac(blocks(), path)
    assert path.read_bytes() == older
    assert list(tmp_path.iterdir()) == [tmp_path / "a.flac"]


@pytest.mark.parametrize("share", [0.0, 0.1, 0.6, 0.999])
def test_a_full_disk_leaves_the_old_file_and_no_litter(tmp_path: Path, rng: np.random.Generator, share: float) -> None:
    waveform = rng.normal(0, 0.2, (1, 5 * SAMPLE_RATE)).astype(np.float32)
    path = tmp_path / "a.flac"
    encode_flac(waveform, path)
    older = path.read_bytes()
    with room_for(int(share * len(older))), pytest.raises(OSError, match=r"too large"):
        encode_flac(waveform, path)
    assert path.read_bytes() == older
    assert list(tmp_path.iterdir()) == [tmp_path / "a.flac"]


def test_a_newer_file_replaces_the_older_one(tmp_path: Path) -> None:
    encode_flac(tone(200.0), tmp_path / "a.flac")
    encode_flac(tone(200.0, seconds=2.0), tmp_path / "a.flac")
    assert decode(tmp_path / "a.flac").shape == (1, 2 * SAMPLE_RATE)


def test_no_samples_make_no_file(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"a\.flac: there are no samples"):
        write_flac([], tmp_path / "a.flac")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("channels", [0, 3, 6])
def test_other_than_one_or_two_channels_are_refused(tmp_path: Path, channels: int) -> None:
    with pytest.raises(ValueError, match=rf"a\.flac: {channels} channels"):
        encode_flac(np.zeros((channels, 100), dtype=np.float32), tmp_path / "a.flac")
    assert list(tmp_path.iterdir()) == []
