"""How much one client may ask for: each subject and each address its share, in this process or in Redis."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from support.media import tone, wav
from support.redis_server import redis_server
from support.service import RunningService, problem

from emotion_pipeline.api.limits import RateLimits
from emotion_pipeline.api.problems import Problem
from emotion_pipeline.config.service_settings import Limits


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningService]:
    """A service that allows a subject little; each test has a subject of its own."""
    variables = {
        "EMOTION_API__LIMITS__REQUESTS_PER_MINUTE": "20",
        "EMOTION_API__LIMITS__AUDIO_SECONDS_PER_HOUR": "200",
        "EMOTION_API__UPLOADS__SHORT_SECONDS": "0",
        "EMOTION_API__JOBS__MOST_UNFINISHED": "2",
    }
    with RunningService(tmp_path_factory.mktemp("strict"), **variables) as running:
        yield running.wait_until_ready()


def test_only_a_subject_beyond_its_limit_is_refused_with_a_retry_time(strict: RunningService) -> None:
    with strict.client("greedy") as greedy:
        forged = {"X-Forwarded-For": "203.0.113.7", "Forwarded": "for=203.0.113.8"}
        answers = [greedy.post("/predict", json={"text": "a"}, headers=forged) for _ in range(30)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert len(refused) >= 5
        assert problem(refused[-1], 429, "rate_limited")
        assert int(refused[-1].headers["retry-after"]) >= 1
        assert refused[-1].headers["ratelimit-policy"] == '"requests";q=20;w=60'
        assert refused[-1].headers["ratelimit"].startswith('"requests";r=0;t=')
    with strict.client("modest") as modest:
        assert modest.post("/predict", json={"text": "a"}).status_code == 200


def test_an_address_is_counted_before_anybody_knows_whose_it_is(tmp_path: Path) -> None:
    variables = {"EMOTION_API__LIMITS__ADDRESS_REQUESTS_PER_MINUTE": "10"}
    with RunningService(tmp_path, **variables) as service:
        statuses = [
            httpx.post(f"{service.url}/predict", headers={"Authorization": f"Bearer {n}"}).status_code
            for n in range(15)
        ]
        assert set(statuses[:10]) == {401}
        assert 429 in statuses[10:]
        assert httpx.get(f"{service.url}/health").status_code == 200


def test_audio_costs_its_seconds(strict: RunningService) -> None:
    with strict.client("talkative") as client:
        long = {"file": ("a.wav", wav(tone(seconds=150.0)))}
        assert client.post("/predict/audio", files=long).status_code == 202
        uploads = set((strict.folder / "api" / "uploads").iterdir())
        answer = client.post("/predict/audio", files=long)
        problem(answer, 429, "rate_limited")
        assert answer.headers["ratelimit-policy"] == '"audio-seconds";q=200;w=3600'
        assert set((strict.folder / "api" / "uploads").iterdir()) <= uploads
        assert client.post("/predict/audio", files={"file": ("a.wav", wav(tone()))}).status_code == 202


def test_a_subject_may_have_so_many_unfinished_jobs(strict: RunningService, long_speech: bytes) -> None:
    with strict.client("hurried") as client:
        statuses = [client.post("/predict/audio", files={"file": ("a.mp3", long_speech)}).status_code for _ in "123"]
        assert statuses == [202, 202, 429]
    with strict.client("other") as other:
        assert other.post("/predict/audio", files={"file": ("a.mp3", long_speech)}).status_code == 202


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """A Redis server of the test's own."""
    with redis_server(tmp_path) as listening:
        yield listening


@pytest.mark.anyio
async def test_processes_share_buckets_in_redis_and_refuse_without_it(
    redis: tuple[str, "subprocess.Popen[bytes]"],
) -> None:
    url, server = redis
    limits = Limits(requests_per_minute=5)
    first, second = RateLimits(limits, url), RateLimits(limits, url)
    for process in (first, second, first, second, first):
        await process.take_request("alice")
    with pytest.raises(Problem) as refused:
        await second.take_request("alice")
    assert refused.value.status == 429
    assert (await second.take_request("bob")).remaining == 4
    server.kill()
    server.wait()
    with pytest.raises(Problem) as gone:
        await first.take_request("carol")
    assert (gone.value.status, gone.value.code) == (503, "limits_unavailable")


@pytest.mark.anyio
async def test_addresses_of_one_ipv6_customer_share_a_bucket() -> None:
    limits = RateLimits(Limits(address_requests_per_minute=2))
    await limits.take_address("2001:db8::1")
    await limits.take_address("2001:db8::2")
    with pytest.raises(Problem):
        await limits.take_address("2001:db8:0:0:ffff::3")
    await limits.take_address("2001:db8:0:1::1")
    await limits.take_address("192.0.2.1")
    await limits.take_address("::ffff:192.0.2.1")
    with pytest.raises(Problem):
        await limits.take_address("192.0.2.1")


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"
