"""The verdict on recordings: what is refused and why, what is warned about, and what copy is left."""

import hashlib
import struct
from pathlib import Path

import numpy as np
import pytest
from support.media import encoded, tone, wav

from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.inspect import FINGERPRINT, FLOOR_DBFS, Inspection, inspect
from emotion_pipeline.engine.audio.reject_reasons import RecordingWarning as Warned
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

BROKEN = [
    ("mono.empty.wav", RejectReason.EMPTY_FILE),
    ("mono.invalid.wav", RejectReason.UNREADABLE),
    ("bad.wav", RejectReason.UNREADABLE),
    ("evil.wav", RejectReason.UNREADABLE),
    ("awful.wav", RejectReason.IMPLAUSIBLE_HEADER),
    ("mono.zero.wav", RejectReason.NO_SAMPLES),
    ("null.wav", RejectReason.NO_SAMPLES),
]


def judged(folder: Path, content: bytes, name: str = "a.wav") -> Inspection:
    """The verdict on ``content``, with the promise checked that a copy is left exactly where it is accepted."""
    path, copy = folder / name, folder / "copies" / "copy.flac"
    path.write_bytes(content)
    copy.parent.mkdir(exist_ok=True)
    verdict = inspect(path, copy)
    assert list(copy.parent.iterdir()) == ([copy] if verdict.status == "accepted" else [])
    assert (verdict.reason is None) == (verdict.status == "accepted") == (verdict.detail == "")
    return verdict


def noise(rng: np.random.Generator, seconds: float, level: float = 0.1) -> Waveform:
    return rng.normal(0.0, level, (1, round(seconds * SAMPLE_RATE))).clip(-1, 1).astype(np.float32)


@pytest.mark.parametrize(("name", "reason"), BROKEN)
def test_a_broken_recording_is_rejected_with_its_reason(
    shared_data: Path, tmp_path: Path, name: str, reason: RejectReason
) -> None:
    verdict = judged(tmp_path, (shared_data / "speech" / "broken" / name).read_bytes())
    assert verdict.reason == reason
    assert str(tmp_path / "a.wav") in verdict.detail


def test_every_broken_recording_is_known_here(shared_data: Path) -> None:
    found = {path.name for path in (shared_data / "speech" / "broken").iterdir()}
    assert found == {name for name, _ in BROKEN} | {"wrong_extension.aac"}


def test_a_valid_file_under_a_wrong_name_is_accepted_with_a_warning(shared_data: Path) -> None:
    verdict = inspect(shared_data / "speech" / "broken" / "wrong_extension.aac")
    assert verdict.status == "accepted"
    assert Warned.EXTENSION_DOES_NOT_MATCH_CONTENT in verdict.warnings


def test_every_common_format_is_accepted_under_its_own_name(shared_data: Path) -> None:
    for path in sorted((shared_data / "speech" / "formats").iterdir()):
        verdict = inspect(path)
        assert verdict.status == "accepted", path
        assert Warned.EXTENSION_DOES_NOT_MATCH_CONTENT not in verdict.warnings, path


def test_a_file_with_its_last_packet_cut_off_is_read_and_called_damaged(shared_data: Path) -> None:
    verdict = inspect(shared_data / "speech" / "formats" / "p001.flac")
    assert Warned.DAMAGED in verdict.warnings
    assert Warned.SHORTER_THAN_DECLARED not in verdict.warnings


def test_a_good_recording_earns_no_warning_and_is_measured(tmp_path: Path) -> None:
    verdict = judged(tmp_path, wav(tone(440.0, 31.0, 0.5)))
    assert (verdict.status, verdict.warnings) == ("accepted", ())
    assert (verdict.container, verdict.codec, verdict.bit_depth) == ("wav", "pcm_s16le", 16)
    assert (verdict.sample_rate_hz, verdict.channels) == (SAMPLE_RATE, 1)
    assert verdict.seconds == verdict.declared_seconds == 31.0
    assert verdict.peak_dbfs == pytest.approx(-6.02, abs=0.01)
    assert verdict.rms_dbfs == pytest.approx(-9.03, abs=0.01)


def test_the_name_of_a_recording_is_the_hash_of_its_source_bytes(tmp_path: Path) -> None:
    content = wav(tone())
    verdict = judged(tmp_path, content)
    assert verdict.recording_id == hashlib.sha256(content).hexdigest()
    assert verdict.size_bytes == len(content)


def test_an_empty_file_has_a_hash_too(tmp_path: Path) -> None:
    assert judged(tmp_path, b"").recording_id == hashlib.sha256(b"").hexdigest()


@pytest.mark.parametrize(
    ("channels", "kept"), [(1, 1), (2, 2), (3, 1), (6, 1), (12, 1)], ids=lambda number: f"{number}_channels"
)
def test_the_copy_has_two_channels_at_most(tmp_path: Path, channels: int, kept: int) -> None:
    samples = np.concatenate([tone(200.0 + 50 * number) for number in range(channels)])
    verdict = judged(tmp_path, wav(samples))
    copy = decode(tmp_path / "copies" / "copy.flac", keep_channels=True)
    assert verdict.channels == channels
    assert copy.shape == (kept, SAMPLE_RATE)
    expected = samples if kept == channels else samples.mean(axis=0, keepdims=True)
    assert np.abs(copy - expected).max() < 1e-3


@pytest.mark.parametrize(("level", "lag_ms"), [(1.0, 0), (-1.0, 0), (1.0, 2), (1.0, 50), (-0.5, 300), (2.0, -120)])
def test_a_copy_on_the_second_channel_is_one_recording(
    repository: Path, tmp_path: Path, level: float, lag_ms: int
) -> None:
    voice = 0.4 * decode(repository / "samples" / "2026-11-02" / "sad_voice_message.ogg")[0]
    verdict = judged(tmp_path, wav(np.stack([voice, level * np.roll(voice, lag_ms * SAMPLE_RATE // 1000)])))
    copy = decode(tmp_path / "copies" / "copy.flac", keep_channels=True)
    assert (verdict.channels, verdict.speaker_channels, len(copy)) == (2, 1, 1)
    assert np.abs(copy[0]).max() == pytest.approx(max(1.0, abs(level)) * np.abs(voice).max(), rel=0.01)


def test_one_word_of_a_second_person_makes_two(repository: Path, tmp_path: Path) -> None:
    call = decode(repository / "samples" / "2026-11-03" / "happy_customer_call.m4a", keep_channels=True)
    voice = np.tile(call[0], 3)
    answer = np.zeros_like(voice)
    word = call[1, np.abs(call[1]).argmax() - 4_000 :][:8_000]
    answer[-SAMPLE_RATE:][: len(word)] = word
    assert judged(tmp_path, wav(np.stack([voice, -0.9 * voice + answer]))).speaker_channels == 2


def test_a_copy_is_made_only_where_one_is_asked_for(tmp_path: Path) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone()))
    assert inspect(tmp_path / "a.wav").status == "accepted"
    assert list(tmp_path.iterdir()) == [tmp_path / "a.wav"]


def test_a_rejected_recording_leaves_an_older_copy_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "copy.flac").write_bytes(b"older")
    (tmp_path / "a.wav").write_bytes(wav(np.zeros((1, SAMPLE_RATE))))
    assert inspect(tmp_path / "a.wav", tmp_path / "copy.flac").status == "rejected"
    assert (tmp_path / "copy.flac").read_bytes() == b"older"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.wav", "copy.flac"]


@pytest.mark.parametrize("level", [0.0, 0.0009])
def test_silence_is_rejected(tmp_path: Path, level: float) -> None:
    verdict = judged(tmp_path, wav(tone(level=level)))
    assert verdict.reason == RejectReason.SILENT
    assert verdict.peak_dbfs is not None and FLOOR_DBFS <= verdict.peak_dbfs < -60


def test_five_hundredths_of_a_second_are_too_short(tmp_path: Path) -> None:
    verdict = judged(tmp_path, wav(tone(seconds=0.05)))
    assert (verdict.reason, verdict.seconds) == (RejectReason.TOO_SHORT, 0.05)


def test_a_quiet_recording_is_accepted_with_a_warning(tmp_path: Path) -> None:
    verdict = judged(tmp_path, wav(tone(level=0.02)))
    assert verdict.warnings == (Warned.SHORTER_THAN_30_S, Warned.QUIET)


def test_a_clipped_recording_is_accepted_with_a_warning(tmp_path: Path) -> None:
    verdict = judged(tmp_path, wav(tone(level=3.0).clip(-1, 1)))
    assert verdict.warnings == (Warned.SHORTER_THAN_30_S, Warned.CLIPPED)


def test_telephone_quality_is_warned_about(tmp_path: Path) -> None:
    path = encoded(tmp_path / "call.wav", tone(rate=8_000), "wav", "pcm_u8", 8_000)
    assert inspect(path).warnings == (Warned.BELOW_16_KHZ, Warned.BELOW_16_BIT, Warned.SHORTER_THAN_30_S)


def test_a_long_and_large_recording_is_warned_about(tmp_path: Path) -> None:
    verdict = judged(tmp_path, wav(tone(seconds=601.0, rate=24_000), rate=24_000))
    assert verdict.warnings == (Warned.LONGER_THAN_10_MIN, Warned.LARGER_THAN_25_MB)


@pytest.mark.parametrize(("name", "warned"), [("a.mp3", True), ("a.WAV", False), ("a", False), ("a.xyz", True)])
def test_an_extension_of_another_format_is_warned_about(tmp_path: Path, name: str, warned: bool) -> None:
    assert (Warned.EXTENSION_DOES_NOT_MATCH_CONTENT in judged(tmp_path, wav(tone()), name).warnings) is warned


def test_a_recording_of_which_less_than_half_arrived_is_truncated(tmp_path: Path) -> None:
    content = wav(tone(seconds=10.0))
    verdict = judged(tmp_path, content[: len(content) * 2 // 5])
    assert verdict.reason == RejectReason.TRUNCATED
    assert "10.0 s" in verdict.detail and "4.0 s" in verdict.detail


def test_a_recording_that_lacks_its_end_is_accepted_with_a_warning(tmp_path: Path) -> None:
    content = wav(tone(seconds=10.0))
    verdict = judged(tmp_path, content[: len(content) * 4 // 5])
    assert verdict.warnings == (Warned.SHORTER_THAN_30_S, Warned.SHORTER_THAN_DECLARED)
    assert verdict.declared_seconds == pytest.approx(10.0, abs=0.01)
    assert verdict.seconds == pytest.approx(8.0, abs=0.01)


@pytest.mark.parametrize(
    ("suffix", "container", "codec", "share"),
    [("flac", "flac", "flac", 0.3), ("mp3", "mp3", "libmp3lame", 0.3), ("mka", "matroska", "aac", 0.3)],
)
def test_a_compressed_recording_of_which_less_than_half_arrived_is_truncated(
    tmp_path: Path, rng: np.random.Generator, suffix: str, container: str, codec: str, share: float
) -> None:
    content = encoded(tmp_path / f"whole.{suffix}", noise(rng, 10.0), container, codec).read_bytes()
    verdict = judged(tmp_path, content[: int(len(content) * share)], f"a.{suffix}")
    assert verdict.reason == RejectReason.TRUNCATED


def test_an_mp4_without_its_index_is_unreadable(tmp_path: Path) -> None:
    content = encoded(tmp_path / "whole.m4a", tone(seconds=5.0), "ipod", "aac").read_bytes()
    assert judged(tmp_path, content[: len(content) // 2], "a.m4a").reason == RejectReason.UNREADABLE


def test_a_header_that_hides_most_of_the_audio_lies(tmp_path: Path) -> None:
    verdict = judged(tmp_path, wav(tone(seconds=10.0), data_bytes=2 * SAMPLE_RATE))
    assert verdict.reason == RejectReason.LYING_HEADER


def test_a_header_that_promises_far_more_than_there_is_makes_a_truncated_file(tmp_path: Path) -> None:
    verdict = judged(tmp_path, wav(tone(seconds=10.0), data_bytes=100 * 2 * SAMPLE_RATE))
    assert verdict.reason == RejectReason.TRUNCATED


@pytest.mark.parametrize(
    "data_bytes",
    [0xFFFF_FFFF, 0x7FFF_FFFF, 0x7FFF_F000, 0xFFFF_FFFF - 44, 2_000_000_000, 2_000_000_000 - 36, 10**9, 2**30, 0],
)
def test_a_length_that_a_pipe_left_open_is_no_claim(tmp_path: Path, data_bytes: int) -> None:
    verdict = judged(tmp_path, wav(tone(seconds=10.0), data_bytes=data_bytes))
    assert (verdict.status, verdict.seconds) == ("accepted", 10.0)
    assert Warned.SHORTER_THAN_DECLARED not in verdict.warnings


# Where each container states its length, how, and the number that stands for one that is not known.
PLACEHOLDERS = {
    "aiff": ("aiff", "pcm_s16be", b"COMM", 10, ">I", 2_000_000_000),
    "au": ("au", "pcm_s16be", b".snd", 8, ">I", 0x7FFF_FFFF),
    "flac": ("flac", "flac", b"fLaC", 22, ">I", 0xFFFF_FFFF),
    "mka": ("matroska", "libopus", b"\x44\x89\x88", 3, ">d", 2e9),
    "mp3": ("mp3", "libmp3lame", b"Info", 8, ">I", 2_000_000_000),
}


@pytest.mark.parametrize("suffix", PLACEHOLDERS)
def test_a_length_that_was_left_open_is_no_claim_in_any_container(
    tmp_path: Path, rng: np.random.Generator, suffix: str
) -> None:
    container, codec, name, offset, form, number = PLACEHOLDERS[suffix]
    content = bytearray(encoded(tmp_path / f"whole.{suffix}", noise(rng, 10.0), container, codec).read_bytes())
    struct.pack_into(form, content, content.index(name) + offset, number)
    verdict = judged(tmp_path, bytes(content), f"a.{suffix}")
    assert (verdict.status, verdict.declared_seconds) == ("accepted", None)
    assert verdict.seconds == pytest.approx(10.0, abs=0.1)
    assert Warned.SHORTER_THAN_DECLARED not in verdict.warnings


@pytest.mark.parametrize("hours", [1.0, 13.5])
def test_a_long_claim_that_is_no_round_number_is_believed(tmp_path: Path, hours: float) -> None:
    verdict = judged(tmp_path, wav(tone(seconds=10.0), data_bytes=round(hours * 3600 * 2 * SAMPLE_RATE) + 1_234))
    assert verdict.reason == RejectReason.TRUNCATED


def test_chunks_after_the_audio_are_not_taken_for_hidden_audio(tmp_path: Path) -> None:
    content = wav(tone(seconds=2.0)) + b"LIST" + (50_000).to_bytes(4, "little") + bytes(50_000)
    assert judged(tmp_path, content).status == "accepted"


def test_the_length_of_a_wav_is_found_behind_other_chunks(tmp_path: Path) -> None:
    content = wav(tone(seconds=10.0))
    note = b"note" + (5).to_bytes(4, "little") + b"hello\x00"
    verdict = judged(tmp_path, content[:12] + note + content[12 : len(content) // 3])
    assert verdict.reason == RejectReason.TRUNCATED


def test_a_recording_whose_packets_are_mostly_destroyed_is_rejected(tmp_path: Path, rng: np.random.Generator) -> None:
    content = encoded(tmp_path / "whole.avi", noise(rng, 5.0), "avi", "mp2").read_bytes()
    begin = b"\xff\xf5"  # of an MPEG-2 layer II frame, ISO/IEC 13818-3
    kept, *others = content.split(begin)
    assert len(others) > 100
    damaged = begin.join([kept, *others[:20]]) + b"".join(b"\0\0" + other for other in others[20:])
    assert judged(tmp_path, damaged, "a.avi").reason == RejectReason.MOSTLY_DAMAGED


def test_a_missing_file_is_an_error_and_no_verdict(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"no\.wav"):
        inspect(tmp_path / "no.wav")


def test_every_reason_and_warning_explains_itself_in_a_sentence() -> None:
    for code in (*RejectReason, *Warned):
        assert code.meaning.endswith("."), code
        assert str(code) == code.value == code.name.lower()


def test_the_fingerprint_names_the_decoder_and_the_rules() -> None:
    name, version, rules, number = FINGERPRINT.split(":")
    assert (name, rules) == ("av", "rules")
    assert version and number.isdigit()
