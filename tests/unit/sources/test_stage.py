"""Snowflake stages, through the real connector and over a socket: listed by day, fetched whole, nothing told."""

import hashlib
import logging
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from support.failing_server import closed_port
from support.stage_server import SIGNATURE, StageServer

from emotion_pipeline.engine.snowflake.connection import Login, open_connection
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.fetch_errors import FetchError, FetchReason, SourceError
from emotion_pipeline.engine.sources.snowflake_stage import Place, StageSource, place_of

LIMITS = FetchLimits(max_bytes=1_000_000, timeout_s=10.0, stall_s=1.0, attempts=3)
CALL = b"RIFF" + bytes(range(256)) * 100


@pytest.fixture(scope="module")
def running() -> Iterator[StageServer]:
    with StageServer() as server:
        yield server


@pytest.fixture
def server(running: StageServer) -> Iterator[StageServer]:
    running.statements.clear()
    running.transfers.clear()
    yield running
    running.failures.clear()
    running.urls.clear()
    running.refuses_logins = running.refuses_role = False
    running.padding = running.cuts = 0


@pytest.fixture
def stage(server: StageServer) -> str:
    name = server.create_stage()
    for path in ("2026-11-02/b.wav", "2026-11-02/team/calls/a.mp3", "2026-11-03/c.wav"):
        server.put(name, path, CALL)
    server.put(name, "2026-11-02/urls.txt", "\ufeffhttps://example.org/über.mp3\n".encode())
    return name


@pytest.fixture
def source(server: StageServer) -> StageSource:
    return StageSource(LIMITS, server.connect)


def fetch(source: StageSource, address: str, folder: Path) -> bytes:
    path = source.fetch(source.find(address), folder).path
    assert list(folder.iterdir()) == [path]
    return path.read_bytes()


def failure(source: StageSource, address: str, folder: Path) -> FetchError:
    with pytest.raises(FetchError) as caught:
        fetch(source, address, folder)
    assert list(folder.iterdir()) == []
    assert caught.value.__suppress_context__ or caught.value.__cause__ is None
    return caught.value


def test_days_are_the_dated_folders_directly_below_the_root(
    server: StageServer, stage: str, source: StageSource
) -> None:
    for path in ("notes/x.wav", "archive/2026-11-05/x.wav", "2026-02-30/x.wav", "2026-11-06"):
        server.put(stage, path, CALL)
    assert source.days(f"snowflake://@{stage}") == ["2026-11-02", "2026-11-03"]
    assert source.days(f"snowflake://@{stage}/archive/") == ["2026-11-05"]


def test_recordings_are_found_at_any_depth_with_size_version_and_time(stage: str, source: StageSource) -> None:
    recordings = source.recordings(f"snowflake://@{stage}/", "2026-11-02")
    assert [recording.file for recording in recordings] == ["b.wav", "team/calls/a.mp3"]
    first = recordings[0]
    digest = hashlib.md5(CALL, usedforsecurity=False).hexdigest()
    assert (first.size_bytes, first.version) == (len(CALL), f"{len(CALL)}-{digest}")
    assert first.uri == first.address == f"snowflake://@{stage}/2026-11-02/b.wav"
    assert first.modified_ns is not None and abs(first.modified_ns / 1e9 - time.time()) < 3_600


def test_another_content_is_another_version(server: StageServer, stage: str, source: StageSource) -> None:
    before = source.recordings(f"snowflake://@{stage}", "2026-11-03")[0].version
    server.put(stage, "2026-11-03/c.wav", CALL[::-1])
    assert source.recordings(f"snowflake://@{stage}", "2026-11-03")[0].version != before


@pytest.mark.parametrize("name", [".hidden.wav", ".cache/a.wav", "a.wav.part", "a.TMP", "manifest.csv", "notes.md"])
def test_what_is_hidden_unfinished_or_lies_beside_recordings_is_none(
    server: StageServer, stage: str, source: StageSource, name: str
) -> None:
    server.put(stage, f"2026-11-03/{name}", CALL)
    assert [recording.file for recording in source.recordings(f"snowflake://@{stage}", "2026-11-03")] == ["c.wav"]


def test_a_day_without_a_folder_has_no_recordings(stage: str, source: StageSource) -> None:
    assert source.recordings(f"snowflake://@{stage}", "2026-11-09") == []


def test_a_text_beside_recordings_is_read(stage: str, source: StageSource) -> None:
    text = source.read_text(f"snowflake://@{stage}", "2026-11-02", "urls.txt")
    assert text is not None and text.text == "https://example.org/über.mp3\n"
    assert text.modified_ns is not None
    assert source.read_text(f"snowflake://@{stage}", "2026-11-02", "manifest.csv") is None


def test_a_text_that_is_no_utf_8_is_an_error_that_names_it(
    server: StageServer, stage: str, source: StageSource
) -> None:
    server.put(stage, "2026-11-02/urls.txt", b"\xff\xfe")
    with pytest.raises(SourceError, match=r"urls\.txt is not UTF-8"):
        source.read_text(f"snowflake://@{stage}", "2026-11-02", "urls.txt")


def test_a_stage_that_is_not_there_is_an_error_and_not_an_empty_list(stage: str, source: StageSource) -> None:
    root = f"snowflake://@{stage}_GONE"
    for asked in (
        lambda: source.days(root),
        lambda: source.recordings(root, "2026-11-02"),
        lambda: source.read_text(root, "2026-11-02", "urls.txt"),
    ):
        with pytest.raises(SourceError, match="no such stage"):
            asked()


def test_a_file_is_fetched_whole(stage: str, source: StageSource, server: StageServer, tmp_path: Path) -> None:
    assert fetch(source, f"snowflake://@{stage}/2026-11-02/team/calls/a.mp3", tmp_path) == CALL
    assert (tmp_path / "recording.mp3").exists() and len(server.transfers) == 1


def test_files_whose_names_only_begin_the_same_are_left_where_they_are(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    server.put(stage, "2026-11-02/b.wav.old", CALL[::-1])
    assert fetch(source, f"snowflake://@{stage}/2026-11-02/b.wav", tmp_path) == CALL
    assert len(server.transfers) == 1


def test_a_file_that_is_stored_encrypted_is_smaller_than_listed(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    server.padding = 12
    assert fetch(source, f"snowflake://@{stage}/2026-11-02/b.wav", tmp_path) == CALL


def test_a_file_that_arrives_shorter_than_listed_is_none(server: StageServer, stage: str, tmp_path: Path) -> None:
    server.padding = 17
    error = failure(StageSource(replace(LIMITS, attempts=2), server.connect), _call(stage), tmp_path)
    assert error.reason is FetchReason.INCOMPLETE
    assert len(server.transfers) == 2


def _call(stage: str) -> str:
    return f"snowflake://@{stage}/2026-11-02/b.wav"


def test_a_transfer_that_breaks_off_is_tried_again(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    server.failures[:] = ["break"]
    assert fetch(source, _call(stage), tmp_path) == CALL
    assert len(server.transfers) == 2


@pytest.mark.parametrize(
    ("failures", "reason", "transfers"),
    [
        (["403"], FetchReason.FORBIDDEN, 1),
        (["404"], FetchReason.NOT_FOUND, 1),
        (["break", "break", "break"], FetchReason.INCOMPLETE, 3),
    ],
)
def test_each_failure_of_the_storage_has_its_reason(
    server: StageServer,
    stage: str,
    source: StageSource,
    tmp_path: Path,
    failures: list[str],
    reason: FetchReason,
    transfers: int,
) -> None:
    server.failures[:] = failures
    assert failure(source, _call(stage), tmp_path).reason is reason
    assert len(server.transfers) == transfers


def test_an_answer_that_breaks_off_is_asked_for_again(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    server.cuts = 3
    assert failure(source, _call(stage), tmp_path).reason is FetchReason.INCOMPLETE
    server.cuts = 2
    assert fetch(source, _call(stage), tmp_path) == CALL
    server.cuts = 3
    with pytest.raises(SourceError, match="answer broke off"):
        source.days(f"snowflake://@{stage}")


def test_a_transfer_that_stalls_ends_at_the_time_out(server: StageServer, stage: str, tmp_path: Path) -> None:
    server.failures[:] = ["stall"]
    started = time.monotonic()
    error = failure(StageSource(replace(LIMITS, timeout_s=1.5), server.connect), _call(stage), tmp_path)
    assert error.reason is FetchReason.FETCH_TIMEOUT
    assert time.monotonic() - started < 3.0


def test_what_is_too_large_is_not_fetched(server: StageServer, stage: str, tmp_path: Path) -> None:
    source = StageSource(replace(LIMITS, max_bytes=1_000), server.connect)
    error = failure(source, _call(stage), tmp_path)
    assert error.reason is FetchReason.TOO_LARGE
    assert "sources.max_bytes" in str(error) and server.transfers == []


def test_a_file_that_is_not_there_is_not_tried_again(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    error = failure(source, f"snowflake://@{stage}/2026-11-02/gone.wav", tmp_path)
    assert error.reason is FetchReason.NOT_FOUND
    assert len(server.statements) == 1


def test_a_role_without_the_privilege_is_told(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    server.refuses_role = True
    error = failure(source, _call(stage), tmp_path)
    assert error.reason is FetchReason.FORBIDDEN
    assert "grant READ" in str(error)


def test_a_login_that_is_refused_is_told_without_the_password(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    server.refuses_logins = True
    error = failure(source, _call(stage), tmp_path)
    assert error.reason is FetchReason.FORBIDDEN
    assert "SNOWFLAKE_" in str(error) and "l0velace" not in repr(error)


def test_a_server_at_which_nobody_listens_is_unreachable(tmp_path: Path) -> None:
    from snowflake.connector import connect

    def unreachable() -> object:
        return connect(
            user="ada",
            password="x",
            account="test",
            host="127.0.0.1",
            port=closed_port(),
            protocol="http",
            login_timeout=1,
        )

    source = StageSource(replace(LIMITS, attempts=1), unreachable)  # type: ignore[arg-type]
    error = failure(source, "snowflake://@DB.RAW.S/a.wav", tmp_path)
    assert error.reason is FetchReason.UNREACHABLE


def test_every_session_is_in_utc_and_waits_five_minutes_for_a_lock(server: StageServer) -> None:
    login = Login("test", "ada", "l0velace", host="127.0.0.1", port=server.port, protocol="http")
    with closing(open_connection(login)) as connection:
        parameters = connection._session_parameters  # pyright: ignore[reportPrivateUsage]
    assert (parameters["TIMEZONE"], parameters["LOCK_TIMEOUT"]) == ("UTC", 300)


def test_an_external_stage_names_what_to_read_instead(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    server.urls[stage] = "s3://calls/raw/"
    error = failure(source, _call(stage), tmp_path)
    assert error.reason is FetchReason.UNSUPPORTED_ADDRESS
    assert "external stage" in str(error)
    with pytest.raises(SourceError, match="external stage"):
        source.days(f"snowflake://@{stage}")


@pytest.mark.parametrize(
    "name",
    [
        "it's.wav",
        "'; DROP STAGE x; --.wav",
        "a\\'b.wav",
        "two words ü.wav",
        '"quoted".wav',
        "$1 %s ?.wav",
        "a.wav.b.wav",
    ],
)
def test_a_name_is_a_name_and_no_part_of_a_statement(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path, name: str
) -> None:
    content = name.encode() * 10
    server.put(stage, f"2026-11-07/{name}", content)
    recordings = source.recordings(f"snowflake://@{stage}", "2026-11-07")
    assert [recording.file for recording in recordings] == [name]
    assert fetch(source, recordings[0].address, tmp_path) == content
    assert len(server.statements) == 3  # LIST of the day; LIST and GET of the file


@pytest.mark.parametrize(
    "address",
    [
        "snowflake://DB.RAW.S/a.wav",
        "snowflake://@DB.RAW.S'/a.wav",
        "snowflake://@DB.RAW.S;DROP STAGE S/a.wav",
        "snowflake://@DB.RAW.S PATTERN/a.wav",
        'snowflake://@DB.RAW."S/a.wav',
        "snowflake://@A.DB.RAW.S/a.wav",
        "snowflake://@DB..S/a.wav",
        "snowflake://@DB.RAW.S/a\nb.wav",
        'snowflake://@"a\nb"/a.wav',
        "snowflake://@/a.wav",
        "s3://bucket/a.wav",
    ],
)
def test_what_names_no_stage_never_becomes_a_statement(server: StageServer, source: StageSource, address: str) -> None:
    with pytest.raises(FetchError, match="names no stage") as caught:
        source.find(address)
    assert caught.value.reason is FetchReason.UNSUPPORTED_ADDRESS
    with pytest.raises(SourceError, match="names no stage"):
        source.days(address)
    assert server.statements == []


@pytest.mark.parametrize(
    ("address", "place", "is_named"),
    [
        ("snowflake://@recordings", Place("@recordings", ""), True),
        ("snowflake://@RAW.RECORDINGS/2026-11-02/", Place("@RAW.RECORDINGS", "2026-11-02"), True),
        ('snowflake://@DB."my raw"."a/b""c"/x.wav', Place('@DB."my raw"."a/b""c"', "x.wav"), True),
        ("snowflake://@~/x.wav", Place("@~", "x.wav"), False),
        ("snowflake://@DB.RAW.%CALLS/x.wav", Place("@DB.RAW.%CALLS", "x.wav"), False),
        ('snowflake://@"100%"/x.wav', Place('@"100%"', "x.wav"), True),
    ],
)
def test_a_stage_is_named_as_in_sql(address: str, place: Place, is_named: bool) -> None:
    assert place_of(address) == place
    assert place.is_named_in_listings is is_named


def test_a_stage_whose_name_is_quoted_is_read(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path
) -> None:
    database = stage.partition(".")[0]
    with server.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f'create stage {database}.RAW."my Calls"')
    server.put(f"{database}.RAW.my Calls", "2026-11-02/a.wav", CALL)
    root = f'snowflake://@{database}.RAW."my Calls"'
    assert [recording.file for recording in source.recordings(root, "2026-11-02")] == ["a.wav"]
    assert fetch(source, f"{root}/2026-11-02/a.wav", tmp_path) == CALL


def test_an_address_without_a_path_names_no_recording(source: StageSource) -> None:
    with pytest.raises(FetchError, match="names no file"):
        source.find("snowflake://@DB.RAW.S/")


def test_no_signature_and_no_password_is_told(
    server: StageServer, stage: str, source: StageSource, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    server.failures[:] = ["503", "break", "403"]
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, logger="snowflake.connector")  # dbt's adapter turns it down where it is imported
    error = failure(source, _call(stage), tmp_path)
    assert len(server.transfers) == 3
    ours = [record for record in caplog.records if not record.name.startswith(("uvicorn", "fakesnow"))]
    logged = "\n".join(f"{record.getMessage()} {record.exc_text} {record.exc_info}" for record in ours)
    assert "failed to transfer" in logged and "?***" in logged
    for secret in (SIGNATURE.partition("=")[2], "l0velace"):
        assert secret not in logged
        assert secret not in f"{error!r}"
