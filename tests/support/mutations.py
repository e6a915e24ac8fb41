"""Damaged recordings by the thousand, each made from a whole one by its number, and a process that has them judged.

A judge is a process of its own, because what is to be found out is whether reading a file kills or hangs the reader.
"""

import multiprocessing
import os
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np

Rng: TypeAlias = np.random.Generator
# Damages the first file, with the help of another one.
Damage: TypeAlias = Callable[[Rng, bytes, bytes], bytes]

_LENGTH_BEHIND: Final = (
    b"RIFF",
    b"data",
    b"fmt ",
    b"LIST",
    b"FORM",
    b"COMM",
    b"SSND",
    b"desc",
    b"caff",
    b"idx1",
    b"movi",
)
_LENGTH_BEFORE: Final = (
    b"ftyp", b"moov", b"mdat", b"trak", b"mdia", b"minf", b"stbl", b"stsd", b"stsz", b"stco", b"stsc", b"stts", b"esds",
    b"mp4a", b"mvhd", b"mdhd", b"udta", b"free",
)  # fmt: skip
_EXTREMES: Final = (
    b"\xff\xff\xff\xff",
    b"\x7f\xff\xff\xff",
    b"\xff\xff\xff\x7f",
    b"\x00\x00\x00\x00",
    b"\x80\x00\x00\x00",
)


@dataclass(frozen=True, slots=True)
class Mutant:
    # Source, damage and number: enough to make it again.
    name: str
    content: bytes


def mutant(number: int, sources: Mapping[str, bytes]) -> Mutant:
    """Return the damaged recording of that number; the kinds of damage take turns, all else is drawn."""
    rng = np.random.default_rng([20_261_121, number])
    kind = list(DAMAGES)[number % len(DAMAGES)]
    source, other = (str(name) for name in rng.choice(sorted(sources), 2, replace=False))
    return Mutant(f"{number}: {source}, {kind}", DAMAGES[kind](rng, sources[source], sources[other]))


def _flip(rate: float) -> Damage:
    def flip(rng: Rng, content: bytes, other: bytes) -> bytes:
        bits = np.unpackbits(np.frombuffer(content, np.uint8))
        bits[rng.integers(0, len(bits), max(1, rng.poisson(rate * len(bits))))] ^= 1
        return np.packbits(bits).tobytes()

    return flip


def _overwrite_header(rng: Rng, content: bytes, other: bytes) -> bytes:
    damaged = bytearray(content)
    for at in rng.integers(0, min(300, len(content)), rng.integers(1, 12)):
        damaged[at] = rng.integers(0, 256)
    return bytes(damaged)


def _lose_the_end(rng: Rng, content: bytes, other: bytes) -> bytes:
    return content[: rng.integers(1, len(content))]


def _lose_the_head(rng: Rng, content: bytes, other: bytes) -> bytes:
    return content[rng.integers(1, min(len(content), 4_000)) :]


def _lose_a_piece(rng: Rng, content: bytes, other: bytes) -> bytes:
    start, end = _place(rng, content)
    return content[:start] + content[end:]


def _wear_a_strange_head(rng: Rng, content: bytes, other: bytes) -> bytes:
    head = int(rng.choice([4, 8, 12, 16, 44, 100, 512, 2_000]))
    return other[:head] + content[head:]


def _go_on_as_another(rng: Rng, content: bytes, other: bytes) -> bytes:
    return content[: rng.integers(1, len(content))] + other[rng.integers(0, len(other)) :]


def _fill(byte: bytes) -> Damage:
    def fill(rng: Rng, content: bytes, other: bytes) -> bytes:
        start, end = _place(rng, content)
        return content[:start] + byte * (end - start) + content[end:]

    return fill


def _stutter(rng: Rng, content: bytes, other: bytes) -> bytes:
    start, end = _place(rng, content)
    return content[:end] + content[start:end] * int(rng.integers(1, 4)) + content[end:]


def _swap_pieces(rng: Rng, content: bytes, other: bytes) -> bytes:
    first, second, third = sorted(rng.integers(0, len(content), 3))
    return content[:first] + content[second:third] + content[first:second] + content[third:]


def _insert(rng: Rng, content: bytes, other: bytes) -> bytes:
    at = _place(rng, content)[0]
    return content[:at] + rng.bytes(int(rng.integers(1, 3_000))) + content[at:]


def _lie_about_a_length(rng: Rng, content: bytes, other: bytes) -> bytes:
    """One of the length fields that can be told by the name beside them, or four bytes of the header."""
    behind = [content.find(name) + 4 for name in _LENGTH_BEHIND if name in content]
    before = [content.find(name) - 4 for name in _LENGTH_BEFORE if content.find(name) >= 4]
    anywhere = [int(at) for at in rng.integers(0, min(200, len(content) - 4), 2)]
    damaged = bytearray(content)
    for at in rng.choice([*behind, *before, *anywhere], rng.integers(1, 3)):
        damaged[at : at + 4] = rng.choice(_EXTREMES)
    return bytes(damaged)


def _state_another_number(rng: Rng, content: bytes, other: bytes) -> bytes:
    """Small and large numbers where a header may keep its rate, channels, bits or counts."""
    damaged = bytearray(content)
    for at in rng.integers(0, min(600, len(content) - 4), 3):
        form = str(rng.choice(["<H", ">H", "<I", ">I"]))
        number = int(rng.choice([0, 1, 2, 8, 255, 256, 65_535])) if "H" in form else int(rng.integers(0, 2**32))
        struct.pack_into(form, damaged, at, number)
    return bytes(damaged)


def _place(rng: Rng, content: bytes) -> tuple[int, int]:
    """A stretch of up to a third of the file; every second one starts in the first 500 bytes."""
    start = int(rng.integers(0, min(500, len(content)) if rng.random() < 0.5 else len(content)))
    return start, min(len(content), start + int(rng.integers(1, max(2, len(content) // 3))))


DAMAGES: Final[Mapping[str, Damage]] = {
    "one bit flipped": _flip(0.0),
    "bits flipped, 1 in 100,000": _flip(1e-5),
    "bits flipped, 1 in 10,000": _flip(1e-4),
    "bits flipped, 1 in 1,000": _flip(1e-3),
    "bits flipped, 1 in 50": _flip(0.02),
    "bytes of the header drawn anew": _overwrite_header,
    "end lost": _lose_the_end,
    "head lost": _lose_the_head,
    "piece lost": _lose_a_piece,
    "another's head": _wear_a_strange_head,
    "another's rest": _go_on_as_another,
    "block of zeros": _fill(b"\x00"),
    "block of ones": _fill(b"\xff"),
    "block repeated": _stutter,
    "pieces swapped": _swap_pieces,
    "random bytes put in": _insert,
    "extreme length": _lie_about_a_length,
    "another number": _state_another_number,
}


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one call of ``inspect`` came to, and what it left behind."""

    status: str
    reason: str | None
    detail: str
    seconds: float | None
    # What was raised instead of a verdict; empty where there is one.
    error: str
    took_s: float
    descriptors_left: int
    # In the folder of the copy, the copy of an accepted recording aside.
    files_left: tuple[str, ...]
    # The most that the process has used so far.
    memory_mb: float


class Judge:
    """A process that inspects files; begun anew where one killed it or took too long."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._begin()

    def _begin(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._connection, theirs = context.Pipe()
        self._process = context.Process(target=_judge_for, args=(theirs, self._folder), daemon=True)
        self._process.start()
        theirs.close()
        assert self._connection.poll(120) and self._connection.recv() == "ready"

    def judge(self, content: bytes, limit_s: float) -> Judgement | str:
        """Return what came of it, or in words how the process ended."""
        self._connection.send_bytes(content)
        ended = f"no verdict after {limit_s:g} s"
        try:
            if self._connection.poll(limit_s):
                return self._connection.recv()
        except EOFError:
            self._process.join()
            ended = f"the process died with exit code {self._process.exitcode}"
        self.stop()
        self._begin()
        return ended

    def stop(self) -> None:
        self._process.kill()
        self._process.join()
        self._connection.close()


def _judge_for(connection: Connection, folder: Path) -> None:
    """Inspect what comes through the connection until it is closed."""
    from emotion_pipeline.engine.audio.inspect import inspect

    path, copies = folder / "recording.wav", folder / "copies"
    copies.mkdir(exist_ok=True)
    path.write_bytes(b"nothing")
    inspect(path, copies / "copy.flac")  # opens what a process opens once
    connection.send("ready")
    while True:
        try:
            path.write_bytes(connection.recv_bytes())
        except EOFError:
            return
        connection.send(_judged(path, copies))


def _judged(path: Path, copies: Path) -> Judgement:
    from emotion_pipeline.engine.audio.inspect import inspect
    from emotion_pipeline.engine.models.usage import process_peak_bytes

    copy = copies / "copy.flac"
    verdict, error = None, ""
    open_before, started = len(os.listdir("/proc/self/fd")), time.monotonic()  # noqa: PTH208
    try:
        verdict = inspect(path, copy)
    except Exception as raised:  # noqa: BLE001 - whatever it is, it is what this is about
        error = repr(raised)
    took, open_after = time.monotonic() - started, len(os.listdir("/proc/self/fd"))  # noqa: PTH208
    if verdict is not None and verdict.status == "accepted":
        copy.unlink()
    left = tuple(sorted(file.name for file in copies.iterdir()))
    for file in copies.iterdir():
        file.unlink()
    return Judgement(
        status=verdict.status if verdict else "none",
        reason=verdict.reason if verdict else None,
        detail=verdict.detail if verdict else "",
        seconds=verdict.seconds if verdict else None,
        error=error,
        took_s=took,
        descriptors_left=open_after - open_before,
        files_left=left,
        memory_mb=process_peak_bytes() / 2**20,
    )
