"""``raw_audio`` for recordings that lie elsewhere: fetched once, tried again where that may help, never trusted."""

import json
from collections.abc import Iterator
from ipaddress import ip_network
from pathlib import Path

import pandas as pd
import pytest
from support.media import tone, wav
from support.site import Site

from emotion_pipeline.engine.audio.store import FolderAudioStore
from emotion_pipeline.engine.redact.redactor import Redactor
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.router import Sources
from emotion_pipeline.engine.stages.raw_audio import take_in
from emotion_pipeline.engine.stages.reuse import StageResult

DAY = "2026-11-02"


@pytest.fixture
def site() -> Iterator[Site]:
    with Site() as site:
        yield site


class Day:
    """A dated folder with a list of addresses, and what taking it in comes to."""

    def __init__(self, folder: Path) -> None:
        limits = FetchLimits(timeout_s=5.0, attempts=2, allowed_networks=(ip_network("127.0.0.1/32"),))
        self._sources = Sources(limits)
        self._root = folder / "recordings"
        self.folder = self._root / DAY
        self.folder.mkdir(parents=True)
        (folder / "copies").mkdir()
        self._store = FolderAudioStore(folder / "copies")

    def list(self, *addresses: str) -> None:
        (self.folder / "urls.txt").write_text("\n".join(addresses), encoding="utf-8")

    def describe(self, uri: str, **columns: str) -> None:
        """Write a manifest of one recording."""
        text = f"{','.join(('uri', *columns))}\n{','.join((uri, *columns.values()))}\n"
        (self.folder / "manifest.csv").write_text(text, encoding="utf-8")

    def take_in(self, previous: pd.DataFrame | None = None, redactor: Redactor | None = None) -> StageResult:
        recordings = self._sources.recordings(str(self._root), DAY)
        return take_in(DAY, recordings, previous, self._store, self._sources, redactor)


@pytest.fixture
def day(tmp_path: Path) -> Day:
    return Day(tmp_path)


def test_a_listed_address_is_a_recording_like_any_other(site: Site, day: Day) -> None:
    site.answers["/call.wav"] = wav(tone(seconds=1.0))
    (day.folder / "local.wav").write_bytes(wav(tone(300.0, seconds=1.0)))
    day.list(site.address("/call.wav"))
    rows = day.take_in().rows
    assert rows["status"].tolist() == ["accepted", "accepted"]
    assert rows["file"].tolist() == ["local.wav", site.address("/call.wav")]
    assert rows["source_uri"].iloc[1] == site.address("/call.wav")
    assert rows["audio_uri"].notna().all()


def test_it_is_fetched_once(site: Site, day: Day) -> None:
    site.answers["/call.wav"] = wav(tone(seconds=1.0))
    day.list(site.address("/call.wav"))
    first = day.take_in()
    asked = len(site.requests)
    second = day.take_in(first.rows)
    assert (second.computed, second.reused) == (0, 1)
    assert len(site.requests) == asked
    pd.testing.assert_frame_equal(second.rows, first.rows)


def test_the_same_bytes_from_two_places_are_one_recording(site: Site, day: Day) -> None:
    sound = wav(tone(seconds=1.0))
    site.answers |= {"/a.wav": sound, "/b.wav": sound}
    (day.folder / "local.wav").write_bytes(sound)
    day.list(site.address("/a.wav"), site.address("/b.wav"))
    rows = day.take_in().rows
    assert rows["recording_id"].nunique() == 1
    assert rows["status"].tolist() == ["accepted", "duplicate", "duplicate"]


def test_what_is_not_there_is_a_row_with_a_reason_that_is_not_asked_for_again(site: Site, day: Day) -> None:
    day.list(site.address("/gone.wav"))
    first = day.take_in()
    row = first.rows.iloc[0]
    assert (row["status"], row["reason"], row["audio_uri"]) == ("rejected", "not_found", None)
    assert site.address("/gone.wav") in row["detail"]
    asked = len(site.requests)
    assert day.take_in(first.rows).reused == 1
    assert len(site.requests) == asked


def test_a_server_that_failed_is_asked_again_next_time(site: Site, day: Day) -> None:
    site.answers["/call.wav"] = 503
    day.list(site.address("/call.wav"))
    first = day.take_in()
    assert first.rows["reason"].tolist() == ["server_error"]
    site.answers["/call.wav"] = wav(tone(seconds=1.0))
    second = day.take_in(first.rows)
    assert second.rows["status"].tolist() == ["accepted"]
    assert second.rows["recording_id"].tolist() != first.rows["recording_id"].tolist()


def test_a_secret_in_an_address_reaches_no_column(site: Site, day: Day) -> None:
    site.answers["/call.wav"] = wav(tone(seconds=1.0))
    day.list(site.address("/call.wav?token=hunter2"), site.address("/gone.wav?X-Amz-Signature=hunter2"))
    rows = day.take_in().rows
    assert sorted(rows["status"]) == ["accepted", "rejected"]
    assert "hunter2" not in rows.to_json()
    assert any("hunter2" in request for request in site.requests)


def test_an_address_in_a_private_network_is_refused_by_name(day: Day) -> None:
    day.list("http://127.0.0.2:9/call.wav", "http://169.254.169.254/latest/meta-data")
    rows = day.take_in().rows
    assert rows["reason"].tolist() == ["blocked_address", "blocked_address"]


def test_a_manifest_says_what_a_recording_is(site: Site, day: Day) -> None:
    site.answers["/call.wav"] = wav(tone(seconds=1.0))
    text = f"uri,title,channel_name,uploaded_on\n{site.address('/call.wav')},A call,Support,2026-11-01\n"
    (day.folder / "manifest.csv").write_text(text, encoding="utf-8")
    row = day.take_in().rows.iloc[0]
    assert (row["title"], row["channel_name"], str(row["uploaded_on"])) == ("A call", "Support", "2026-11-01")


def test_a_manifest_that_changed_says_it_without_another_fetch(site: Site, day: Day) -> None:
    site.answers["/call.wav"] = wav(tone(seconds=1.0))
    day.describe(site.address("/call.wav"), title="A call", queue="sales")
    first = day.take_in()
    day.describe(site.address("/call.wav"), title="Another title", agent="7")
    second = day.take_in(first.rows)
    said = [(row["title"], json.loads(row["attributes"])) for row in (first.rows.iloc[0], second.rows.iloc[0])]
    assert said == [("A call", {"queue": "sales"}), ("Another title", {"agent": "7"})]
    assert (second.computed, second.reused) == (0, 1)


def test_personal_data_in_a_manifest_are_redacted_before_they_are_kept(site: Site, day: Day) -> None:
    site.answers["/call.wav"] = wav(tone(seconds=1.0))
    day.describe(site.address("/call.wav"), caller="+1 202 555 0142", queue="sales 2", mail="ada@example.org")
    kept, plain = day.take_in(redactor=Redactor()).rows.iloc[0], day.take_in().rows.iloc[0]
    attributes = json.loads(kept["attributes"])
    assert attributes["queue"] == "sales 2"
    assert attributes["mail"] == "[EMAIL_ADDRESS]"
    assert "555" not in kept["attributes"]
    assert json.loads(plain["attributes"])["mail"] == "ada@example.org"
