"""Recordings of every kind, read from their content alone."""

import socket
from pathlib import Path

import av
import numpy as np
import pytest
from av.video.frame import VideoFrame
from av.video.stream import VideoStream
from support.media import encoded, tone, wav

from emotion_pipeline.engine.audio.decode import BLOCK_SAMPLES, decode, probe, stream
from emotion_pipeline.engine.audio.reject_reasons import RejectReason
from emotion_pipeline.engine.common.errors import MediaError
from emotion_pipeline.engine.common.types import SAMPLE_RATE, Waveform

FORMATS = [
    ("wav", "wav", "pcm_s16le", 48_000),
    ("wav", "wav", "pcm_u8", 8_000),
    ("wav", "wav", "pcm_s24le", 44_100),
    ("wav", "wav", "pcm_mulaw", 8_000),
    ("flac", "flac", "flac", 48_000),
    ("mp3", "mp3", "libmp3lame", 44_100),
    ("ogg", "ogg", "libopus", 48_000),
    ("m4a", "ipod", "aac", 44_100),
    ("mka", "matroska", "aac", 44_100),
    ("aiff", "aiff", "pcm_s16be", 22_050),
]


def loudest_hertz(channel: Waveform) -> float:
    spectrum = np.abs(np.fft.rfft(channel))
    return float(spectrum.argmax() * SAMPLE_RATE / channel.size)


def rejection(path: Path) -> str:
    with pytest.raises(MediaError) as caught:
        decode(path)
    assert str(path) in str(caught.value)
    return caught.value.code


@pytest.mark.parametrize(
    "name",
    ["p001.aac", "p001.flac", "p001.mp3", "p001.mp4", "p001.ogg", "p001.webm", "format_test.m4a", "tone-8bit.wav"],
)
def test_every_common_format_is_read(shared_data: Path, name: str) -> None:
    waveform = decode(shared_data / "speech" / "formats" / name)
    assert waveform.dtype == np.float32
    assert waveform.shape[0] == 1
    assert 8.9 < waveform.shape[1] / SAMPLE_RATE < 10.1
    assert 0.05 < np.abs(waveform).max() <= 1.0


@pytest.mark.parametrize(("suffix", "container", "codec", "rate"), FORMATS)
@pytest.mark.parametrize("channels", [1, 2])
def test_what_was_encoded_is_what_is_heard(
    tmp_path: Path, suffix: str, container: str, codec: str, rate: int, channels: int
) -> None:
    samples = np.repeat(tone(440.0, 1.5, 0.3, rate), channels, axis=0)
    path = encoded(tmp_path / f"a.{suffix}", samples, container, codec, rate)
    waveform = decode(path, keep_channels=True)
    assert waveform.shape[0] == channels
    assert waveform.shape[1] / SAMPLE_RATE == pytest.approx(1.5, abs=0.1)
    for channel in waveform:
        assert loudest_hertz(channel) == pytest.approx(440.0, abs=1.0)
        assert float(np.sqrt(np.mean(np.square(channel)))) == pytest.approx(0.3 / np.sqrt(2), rel=0.1)


@pytest.mark.parametrize(
    ("codec", "container", "bits"),
    [
        ("pcm_u8", "wav", 8),
        ("pcm_s24le", "wav", 24),
        ("pcm_alaw", "wav", 8),
        ("flac", "flac", 16),
        ("aac", "ipod", None),
    ],
)
def test_the_header_tells_rate_channels_and_bits(tmp_path: Path, codec: str, container: str, bits: int | None) -> None:
    info = probe(encoded(tmp_path / "a", np.repeat(tone(rate=8_000), 2, axis=0), container, codec, 8_000))
    assert (info.codec, info.sample_rate_hz, info.channels, info.bit_depth) == (codec, 8_000, 2, bits)
    assert info.declared_seconds == pytest.approx(1.0, abs=0.2)


def test_a_container_that_states_one_length_for_all_streams_declares_it(tmp_path: Path) -> None:
    info = probe(encoded(tmp_path / "a.mka", tone(), "matroska", "pcm_s16le"))
    assert info.declared_seconds == pytest.approx(1.0, abs=0.05)


def test_a_stream_without_a_stated_length_declares_none(tmp_path: Path) -> None:
    path = tmp_path / "a.amr"
    path.write_bytes(b"#!AMR\n")
    assert probe(path).declared_seconds is None
    assert rejection(path) == RejectReason.NO_SAMPLES


def test_surround_sound_becomes_the_mean_of_its_channels(tmp_path: Path) -> None:
    levels = np.array([0.6, 0.0, 0.3, 0.0, 0.0, 0.0], dtype=np.float32)
    path = encoded(tmp_path / "a.wav", np.repeat(levels[:, np.newaxis], SAMPLE_RATE, axis=1), "wav", "pcm_s16le")
    assert decode(path) == pytest.approx(np.full((1, SAMPLE_RATE), 0.15), abs=1e-3)
    assert decode(path, keep_channels=True)[:, 5_000] == pytest.approx(levels, abs=1e-3)


@pytest.mark.parametrize("channels", [1, 3, 7, 8, 9, 16, 64])
def test_each_of_many_channels_keeps_its_own_samples(tmp_path: Path, channels: int) -> None:
    levels = np.linspace(-0.9, 0.9, channels)
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.repeat(levels[:, np.newaxis], 4_000, axis=1)))
    assert decode(path, keep_channels=True) == pytest.approx(np.repeat(levels[:, None], 4_000, axis=1), abs=1e-3)


@pytest.mark.parametrize("keep_channels", [False, True])
def test_streamed_blocks_are_bounded_and_join_to_the_whole(tmp_path: Path, keep_channels: bool) -> None:
    both = np.concatenate([tone(300.0, 13.3, rate=44_100), tone(700.0, 13.3, rate=44_100)])
    path = encoded(tmp_path / "a.flac", both, "flac", "flac", 44_100)
    blocks = list(stream(path, keep_channels=keep_channels))
    assert {block.shape[1] for block in blocks[:-1]} == {BLOCK_SAMPLES}
    assert 1 <= blocks[-1].shape[1] <= BLOCK_SAMPLES
    assert all(block.base is None or block.base.size <= 2 * block.size for block in blocks[:-1])
    assert np.array_equal(np.concatenate(blocks, axis=1), decode(path, keep_channels=keep_channels))


def test_a_long_recording_is_streamed_before_it_is_read_to_its_end(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(seconds=120.0)))
    blocks = stream(path)
    assert next(blocks).shape == (1, BLOCK_SAMPLES)
    with path.open("r+b") as file:
        file.truncate(60 * SAMPLE_RATE * 2)
    assert sum(block.shape[1] for block in blocks) / SAMPLE_RATE < 60


def test_impossible_float_samples_become_possible_ones(tmp_path: Path) -> None:
    samples = np.tile([np.nan, np.inf, -np.inf, 7.0, -7.0, 0.25], 2_000)[np.newaxis].astype(np.float32)
    path = tmp_path / "a.wav"
    path.write_bytes(wav(samples, kind=3, dtype="<f4"))
    assert decode(path)[0, :6].tolist() == [0.0, 1.0, -1.0, 1.0, -1.0, 0.25]


def test_a_change_of_sample_rate_midway_is_followed(tmp_path: Path) -> None:
    first = encoded(tmp_path / "a.aac", tone(440.0, 1.0, rate=16_000), "adts", "aac", 16_000)
    second = encoded(tmp_path / "b.aac", tone(440.0, 1.0, rate=32_000), "adts", "aac", 32_000)
    path = tmp_path / "both.aac"
    path.write_bytes(first.read_bytes() + second.read_bytes())
    waveform = decode(path)[0]
    assert waveform.size / SAMPLE_RATE == pytest.approx(2.0, abs=0.2)
    assert loudest_hertz(waveform[: SAMPLE_RATE // 2]) == pytest.approx(440.0, abs=3.0)
    assert loudest_hertz(waveform[-SAMPLE_RATE // 2 - 2_000 : -2_000]) == pytest.approx(440.0, abs=3.0)


def test_a_stream_that_shows_up_midway_does_not_end_the_reading(tmp_path: Path) -> None:
    path = encoded(tmp_path / "a.flv", tone(seconds=20.0, rate=22_050), "flv", "libmp3lame", 22_050)
    content = bytearray(path.read_bytes())
    tags, at = [], 13
    while at + 11 < len(content):
        tags.append(at)
        at += 11 + int.from_bytes(content[at + 1 : at + 4], "big") + 4
    content[tags[-2]] = 9  # Adobe's FLV specification, E.4.1: a video tag; the byte after its head is kind and codec
    content[tags[-2] + 11] = 0x22
    path.write_bytes(content)
    assert decode(path).shape[1] / SAMPLE_RATE == pytest.approx(20.0, abs=0.2)


def test_a_film_without_sound_has_no_audio_stream(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as output:
        film = output.add_stream("mpeg4", rate=25)
        assert isinstance(film, VideoStream)
        film.width = film.height = 32
        film.pix_fmt = "yuv420p"
        for _ in range(5):
            output.mux(film.encode(VideoFrame.from_ndarray(np.zeros((32, 32, 3), dtype=np.uint8))))
        output.mux(film.encode(None))
    assert rejection(path) == RejectReason.NO_AUDIO_STREAM


def test_an_unknown_codec_in_a_readable_container_is_named_as_such(tmp_path: Path) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(tone(), kind=0x1234))
    assert rejection(path) == RejectReason.UNSUPPORTED_CODEC


@pytest.mark.parametrize(("rate", "channels"), [(3_999, 1), (768_001, 1), (16_000, 65), (16_000, 200)])
def test_a_header_that_no_recorder_makes_is_implausible(tmp_path: Path, rate: int, channels: int) -> None:
    path = tmp_path / "a.wav"
    path.write_bytes(wav(np.repeat(tone(), channels, axis=0), declared_rate=rate))
    assert rejection(path) == RejectReason.IMPLAUSIBLE_HEADER


@pytest.mark.parametrize("content", [b"", b"Dear team, see attached.", b"%PDF-1.7\n" + bytes(2_000), b"\x00" * 4_096])
def test_what_is_no_recording_is_refused_by_its_content(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "call.wav"
    path.write_bytes(content)
    assert rejection(path) == (RejectReason.UNREADABLE if content else RejectReason.EMPTY_FILE)


def test_a_missing_file_is_not_taken_for_a_broken_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        decode(tmp_path / "no.wav")


@pytest.mark.parametrize("name", ["concat:a.wav|b.wav", "http:x.wav", "pipe:0", "-i.wav", "a %d ?#.wav", "é\n.wav"])
def test_a_name_is_only_ever_the_name_of_a_local_file(tmp_path: Path, name: str) -> None:
    (tmp_path / "a.wav").write_bytes(wav(tone(200.0)))
    (tmp_path / name).write_bytes(wav(tone(600.0)))
    assert loudest_hertz(decode(tmp_path / name)) == pytest.approx(600.0, abs=1.0)


@pytest.mark.parametrize("name", ["a.m3u8", "a.wav", "a.ffconcat", "a.sdp", "a.mpd"])
def test_a_playlist_is_never_followed(tmp_path: Path, name: str) -> None:
    (tmp_path / "other.wav").write_bytes(wav(tone()))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.setblocking(False)
        address = f"127.0.0.1:{server.getsockname()[1]}"
        for playlist in (
            f"#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:9,\nhttp://{address}/a.ts\n#EXT-X-ENDLIST\n",
            "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:1,\nother.wav\n#EXT-X-ENDLIST\n",
            "ffconcat version 1.0\nfile other.wav\n",
            f"v=0\no=- 0 0 IN IP4 127.0.0.1\ns=x\nc=IN IP4 127.0.0.1\nt=0 0\nm=audio {address[10:]} RTP/AVP 0\n",
            f'<?xml version="1.0"?><MPD><Period><BaseURL>http://{address}/</BaseURL></Period></MPD>',
        ):
            (tmp_path / name).unlink(missing_ok=True)
            (tmp_path / name).write_text(playlist, encoding="utf-8")
            assert rejection(tmp_path / name) == RejectReason.UNREADABLE
        with pytest.raises(BlockingIOError):
            server.accept()
