"""How jobs move from state to state, on SQLite and on PostgreSQL, with a clock of the test's own."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from pydantic import SecretStr

from benchmarks.support.postgres import postgres
from emotion_pipeline.api.jobs.database import is_current, migrate, open_database
from emotion_pipeline.api.jobs.records import DELIVERED, Base
from emotion_pipeline.api.jobs.store import Claim, JobStore, KeyTakenError, NewJob, TooManyJobsError, request_digest
from emotion_pipeline.config.service_settings import Api, ApiSecrets, Jobs, Webhooks


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(scope="session")
def database(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a PostgreSQL server of the tests' own."""
    with postgres(tmp_path_factory.mktemp("postgres")) as address:
        yield address


@pytest.fixture(params=["sqlite", "postgres"])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    url = SecretStr(request.getfixturevalue("database")) if request.param == "postgres" else None
    engine = open_database(Api(folder=tmp_path), ApiSecrets(database_url=url))
    migrate(engine, tmp_path)
    yield engine
    with engine.begin() as connection:
        connection.execute(sa.text("DELETE FROM jobs"))
    engine.dispose()


@pytest.fixture
def store(engine: sa.Engine, clock: Clock) -> JobStore:
    return JobStore(engine, Jobs(lease_seconds=10, attempts=2, most_unfinished=50), Webhooks(first_pause=1), clock)


def _new(**other: object) -> NewJob:
    return NewJob(**{"subject": "alice", "file": "a.wav", "upload": "1.wav", **other})  # pyright: ignore[reportArgumentType]


def test_the_migrations_make_what_the_records_describe(engine: sa.Engine, tmp_path: Path) -> None:
    assert is_current(engine)
    migrate(engine, tmp_path)  # once more changes nothing
    columns = {column["name"] for column in sa.inspect(engine).get_columns("jobs")}
    assert columns == set(Base.metadata.tables["jobs"].columns.keys())


def test_processes_that_start_together_migrate_once(tmp_path: Path) -> None:
    def start() -> bool:
        engine = open_database(Api(folder=tmp_path), ApiSecrets())
        migrate(engine, tmp_path)
        return is_current(engine)

    with ThreadPoolExecutor(8) as pool:
        assert all(future.result() for future in [pool.submit(start) for _ in range(8)])


def test_a_job_is_claimed_once_short_ones_first(store: JobStore, clock: Clock) -> None:
    long = store.add(_new())
    clock.now += 1
    short = store.add(_new(short=True))
    claimed = [store.claim(), store.claim(), store.claim()]
    assert [claim and claim[0].id for claim in claimed] == [short.id, long.id, None]


def test_a_worker_for_short_jobs_leaves_long_ones(store: JobStore) -> None:
    store.add(_new())
    assert store.claim(short_only=True) is None


def test_many_claims_at_once_never_share_a_job(store: JobStore) -> None:
    ids = {store.add(_new()).id for _ in range(40)}
    claimed: list[str] = []
    lock = threading.Lock()

    def work() -> None:
        while (taken := store.claim()) is not None:
            with lock:
                claimed.append(taken[0].id)

    with ThreadPoolExecutor(8) as pool:
        for future in [pool.submit(work) for _ in range(8)]:
            future.result()
    assert sorted(claimed) == sorted(ids)


def test_only_the_newest_claim_stores_a_result(store: JobStore, clock: Clock) -> None:
    job = store.add(_new())
    first = _claim(store)
    clock.now += 11  # the lease lapsed
    second = _claim(store)
    assert first.job_id == second.job_id == job.id
    assert not store.renew(first)
    assert not store.succeed(first, '{"by": "first"}', 1.0)
    assert store.succeed(second, '{"by": "second"}', 1.0)
    assert not store.succeed(second, '{"by": "again"}', 1.0)
    stored = store.get(job.id, "alice")
    assert stored is not None
    assert stored.result == '{"by": "second"}'
    assert store.claim() is None


def test_a_lease_that_is_renewed_does_not_lapse(store: JobStore, clock: Clock) -> None:
    store.add(_new())
    claim = _claim(store)
    for _ in range(5):
        clock.now += 8
        assert store.renew(claim)
        assert store.claim() is None


def test_a_job_that_was_begun_too_often_fails_and_one_given_back_does_not(store: JobStore, clock: Clock) -> None:
    job = store.add(_new(address="https://example.org/?sig=secret", upload=None))
    for _ in range(5):
        assert store.release(_claim(store))
    for _ in range(2):
        _claim(store)
        clock.now += 11
    assert store.claim() is None
    stored = store.get(job.id, "alice")
    assert stored is not None
    assert (stored.status, stored.failure_code) == ("failed", "worker_lost")
    assert stored.address is None  # what it needed to know is forgotten


def test_a_deleted_job_takes_its_claim_with_it(store: JobStore) -> None:
    job = store.add(_new())
    claim = _claim(store)
    assert store.remove(job.id, "mallory") is None
    removed = store.remove(job.id, "alice")
    assert removed is not None
    assert removed.upload == "1.wav"
    assert not store.renew(claim)
    assert not store.succeed(claim, "{}", None)
    assert store.get(job.id, "alice") is None


def test_a_key_belongs_to_one_job_of_a_subject(store: JobStore) -> None:
    first = store.add(_new(idempotency_key="k"))
    with pytest.raises(KeyTakenError):
        store.add(_new(idempotency_key="k"))
    store.add(_new(subject="bob", idempotency_key="k"))
    job = store.by_key("alice", "k")
    assert job is not None
    assert job.id == first.id


def test_a_subject_has_a_bounded_number_of_unfinished_jobs(store: JobStore) -> None:
    for _ in range(50):
        store.add(_new())
    with pytest.raises(TooManyJobsError):
        store.add(_new())
    assert store.counts() == {"queued": 50, "running": 0}
    assert store.fail(_claim(store), "unreadable", "It is none.")
    store.add(_new())


def test_the_age_of_the_oldest_job_that_waits_is_told(store: JobStore, clock: Clock) -> None:
    assert store.oldest_queued_s() == 0.0
    store.add(_new())
    clock.now += 5
    store.add(_new())
    assert store.oldest_queued_s() == pytest.approx(5.0)
    store.claim()
    assert store.oldest_queued_s() == pytest.approx(0.0)


def test_a_webhook_is_due_after_its_job_and_again_until_it_ends(store: JobStore, clock: Clock) -> None:
    job = store.add(_new(webhook_url="https://example.org/"))
    assert store.next_webhook() is None
    store.succeed(_claim(store), "{}", None)
    due = store.next_webhook()
    assert due is not None
    assert due.id == job.id
    assert store.next_webhook() is None
    clock.now += 12  # the time-out and the first pause
    again = store.next_webhook()
    assert again is not None
    assert again.webhook_attempts == 2
    store.end_webhook(job.id, DELIVERED)
    clock.now += 1_000
    assert store.next_webhook() is None


def test_old_results_are_forgotten(store: JobStore, clock: Clock) -> None:
    store.add(_new())
    store.succeed(_claim(store), "{}", None)
    waiting = store.add(_new(upload="2.wav"))
    assert store.files(ended=False) == {waiting.id: "2.wav"}
    assert len(store.files(ended=True)) == 1
    clock.now += 31 * 86_400
    assert store.forget_old() == 1
    assert store.get(waiting.id, "alice") is not None


def test_jobs_of_recordings_are_erased_whosever_they_are(store: JobStore, clock: Clock) -> None:
    hook = "https://example.org/hook"
    for subject, what, webhook in (("alice", "sha", None), ("bob", "sha", hook), ("bob", "https://a.org/b.wav", None)):
        digest = request_digest(what, webhook)
        store.add(_new(subject=subject, upload=f"{subject}.wav", webhook_url=webhook, request_digest=digest))
    other = store.add(_new(request_digest=request_digest("other", None)))
    chosen = store.of_recordings({"sha"}, {"https://a.org/b.wav"}, before=0.0)
    assert sorted(chosen.values(), key=str) == ["alice.wav", "bob.wav", "bob.wav"]
    store.erase(chosen)
    assert list(store.of_recordings((), (), before=clock.now + 1)) == [other.id]


def _claim(store: JobStore) -> Claim:
    claimed = store.claim()
    assert claimed is not None
    return claimed[1]
