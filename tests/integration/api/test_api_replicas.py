"""Two servers behind HAProxy, as they are deployed: one PostgreSQL, one Redis, one folder of uploads."""

import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any, Self

import httpx
import pytest
from support.media import tone, wav
from support.proxy import free_port, proxy
from support.redis_server import redis_server
from support.service import RunningService, ended, eventually, token
from typer.testing import CliRunner

from benchmarks.support.postgres import postgres
from emotion_pipeline.cli.app import app

LIMIT = 100
# Four processes with models and three servers beside them: too long for `make test`.
pytestmark = pytest.mark.full


class Pair:
    """The two servers and what they share; ``url`` is the proxy's."""

    def __init__(self, folder: Path, **variables: str) -> None:
        self._folder, self._stack = folder, ExitStack()
        self._variables = {
            "EMOTION_API__JOBS__WORKERS": "1",
            "EMOTION_API__JOBS__LEASE_SECONDS": "6",
            "EMOTION_API__JOBS__ATTEMPTS": "5",
            "EMOTION_API__LEAVE_SECONDS": "3",
            **variables,
        }

    def __enter__(self) -> Self:
        try:
            self._start(self._stack.enter_context)
        except BaseException:
            self._stack.close()  # or the servers would go on for ever
            raise
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def _start(self, enter: Callable[[AbstractContextManager[Any]], Any]) -> None:
        self.database = enter(ExitStack())
        self._variables["EMOTION_DATABASE_URL"] = self.database.enter_context(postgres(self._folder / "postgres"))
        self._variables["EMOTION_REDIS_URL"] = enter(redis_server(self._folder))[0]
        self.ports = [free_port(), free_port()]
        self.servers = [enter(self.server(port)) for port in self.ports]
        self.url = enter(proxy(self._folder, self.ports))
        for server in self.servers:
            server.wait_until_ready()
        eventually(lambda: httpx.get(f"{self.url}/ready", timeout=60).status_code == 200)

    def server(self, port: int) -> RunningService:
        """Another server at a port, not started yet."""
        return RunningService(self._folder, **self._variables, EMOTION_API__PORT=str(port))

    @contextmanager
    def client(self, subject: str = "alice") -> Iterator[httpx.Client]:
        headers = {"Authorization": f"Bearer {token(subject)}"}
        with httpx.Client(base_url=self.url, headers=headers, timeout=60, trust_env=False) as client:
            yield client

    def smoke(self) -> tuple[int, str]:
        """What ``emotion-clf smoke`` says of the pair: its exit code, and its lines."""
        done = CliRunner().invoke(app, ["smoke", "--url", self.url, "--token", token(), "--timeout", "30"])
        return done.exit_code, done.output


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pair]:
    with Pair(tmp_path_factory.mktemp("pair"), EMOTION_API__LIMITS__REQUESTS_PER_MINUTE=str(LIMIT)) as pair:
        yield pair


def test_the_smoke_test_of_a_pair_behind_a_proxy_is_green(pair: Pair) -> None:
    code, output = pair.smoke()
    assert code == 0, output
    assert output.count("ok ") == 8


def test_what_one_server_accepted_every_server_knows(pair: Pair) -> None:
    first, second = (server.client("bob") for server in pair.servers)
    with first, second:
        files = {"file": ("a.wav", wav(tone(seconds=1.0)))}
        answers = [
            client.post("/v1/predict/audio", files=files, headers={"Prefer": "respond-async"})
            for client in (first, second)
        ]
        jobs = [answer.json()["id"] for answer in answers]
        assert [ended(second, jobs[0])["status"], ended(first, jobs[1])["status"]] == ["succeeded"] * 2


def test_a_limit_holds_over_both_servers(pair: Pair) -> None:
    first, second = (server.client("greedy") for server in pair.servers)
    with first, second:
        statuses = Counter(
            client.post("/v1/predict", json={"text": "a"}).status_code
            for _ in range(LIMIT)
            for client in (first, second)
        )
    assert statuses[429] > 0.1 * LIMIT  # two buckets would refuse none
    assert set(statuses) == {200, 429}


def test_a_killed_server_loses_no_job_and_a_broken_pair_is_red(tmp_path: Path) -> None:
    with Pair(tmp_path) as pair, pair.client() as client:
        headers = {"Prefer": "respond-async"}
        jobs: list[str] = []
        for number in range(12):
            files = {"file": (f"{number}.wav", wav(tone(200.0 + 20 * number, seconds=2.0)))}
            jobs.append(client.post("/v1/predict/audio", files=files, headers=headers).json()["id"])
        pair.servers[0].kill()
        assert {ended(client, job, 120.0)["status"] for job in jobs} == {"succeeded"}
        assert pair.smoke()[0] == 0
        pair.database.close()
        eventually(lambda: "database is failed" in pair.smoke()[1])
        code, output = pair.smoke()
        assert code == 1
        # The service's own words, not the proxy's.
        assert "FAILED  recording: /v1/predict/audio answered 503, not 202: database_unavailable" in output
        assert "<html>" not in output


class _Load:
    """People who send texts, and now and then a recording, until the block ends; ``statuses`` counts the answers."""

    def __init__(self, pair: Pair) -> None:
        self._pair, self._stop = pair, threading.Event()
        self.statuses: Counter[str] = Counter()
        self._people = [threading.Thread(target=self._person, args=(number,)) for number in range(4)]

    def __enter__(self) -> Self:
        for person in self._people:
            person.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._stop.set()
        for person in self._people:
            person.join()

    def _person(self, number: int) -> None:
        recording = wav(tone(300.0, seconds=1.0))
        with self._pair.client(f"person-{number}") as client:
            for turn in range(1_000_000):
                if self._stop.wait(0.3):  # the proxy allows 1,200 requests a minute
                    return
                try:
                    if turn % 10 == number:
                        sent = {"file": ("a.wav", recording)}
                        answer = client.post("/v1/predict/audio", files=sent, headers={"Prefer": "respond-async"})
                    else:
                        answer = client.post("/v1/predict", json={"text": "Exciting news!"})
                    self.statuses[str(answer.status_code)] += 1
                except httpx.HTTPError as error:
                    self.statuses[type(error).__name__] += 1


def test_a_rolling_restart_under_load_answers_every_request(tmp_path: Path) -> None:
    with Pair(tmp_path) as pair, ExitStack() as renewed, _Load(pair) as load:
        for server, port in zip(pair.servers, pair.ports, strict=True):
            server.__exit__(None, None, None)
            renewed.enter_context(pair.server(port)).wait_until_ready()
            time.sleep(2.0)  # the proxy asks every second
    assert set(load.statuses) <= {"200", "202"}, load.statuses
    assert load.statuses["200"] > 50
    assert load.statuses["202"] > 3
