"""Rate limits: token buckets for each subject and each client address, in this process or in Redis.

Costs are counted in thousandths, because the library counts whole tokens and drops what a part of a second would add.
Responses have the fields of draft-ietf-httpapi-ratelimit-headers-10.
"""

import ipaddress
import math
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final

from redis.exceptions import RedisError
from throttled.asyncio import MemoryStore, RedisStore, Throttled, per_duration
from throttled.exceptions import BaseThrottledError

from emotion_pipeline.api.problems import Problem, overloaded
from emotion_pipeline.config.service_settings import Limits

_PARTS: Final = 1_000
# Buckets that are kept in memory; the one that was unused for longest is dropped first, which means it is full again.
_MOST_CLIENTS: Final = 100_000

# A customer has at least this prefix (RFC 6177) and can change addresses within it at will.
_PREFIX_V6: Final = 64


@dataclass(frozen=True, slots=True)
class Standing:
    """What a client has left of one policy."""

    policy: str
    quota: int
    window_s: int
    remaining: int
    reset_s: int

    def headers(self) -> dict[str, str]:
        """Return the RateLimit fields."""
        return {
            "RateLimit-Policy": f'"{self.policy}";q={self.quota};w={self.window_s}',
            "RateLimit": f'"{self.policy}";r={self.remaining};t={self.reset_s}',
        }


class _Policy:
    def __init__(self, name: str, quota: int, window: timedelta, store: Any) -> None:
        self.name, self.quota, self.window_s = name, quota, int(window.total_seconds())
        self._bucket = Throttled(
            using="token_bucket", quota=per_duration(window, quota * _PARTS), store=store, key_prefix=f"emotion:{name}"
        )

    async def take(self, key: str, cost: float) -> Standing:
        """Take ``cost``, at most the whole bucket. Raises Problem 429 where too little is left."""
        parts = min(max(1, math.ceil(cost * _PARTS)), self.quota * _PARTS)
        try:
            result = await self._bucket.limit(key, cost=parts)
        except (BaseThrottledError, OSError, RedisError) as error:
            raise overloaded("limits_unavailable", "Rate limits cannot be checked now; try again.", 5) from error
        state = result.state
        standing = Standing(
            self.name, self.quota, self.window_s, int(state.remaining // _PARTS), math.ceil(state.reset_after)
        )
        if result.limited:
            wait_s = max(1, math.ceil(state.retry_after))
            raise Problem(
                429,
                "rate_limited",
                f"The limit {self.name!r} of {self.quota} in {self.window_s} s is used up; come back in {wait_s} s.",
                headers={**standing.headers(), "Retry-After": str(wait_s)},
            )
        return standing


class RateLimits:
    """The policies of this service.

    :param redis_url: where buckets are kept; None keeps them in this process
    """

    def __init__(self, limits: Limits, redis_url: str | None = None) -> None:
        store: Any
        if redis_url is None:
            store = MemoryStore(options={"MAX_SIZE": _MOST_CLIENTS})
        else:
            store = RedisStore(server=redis_url, options={"SOCKET_TIMEOUT": 1, "SOCKET_CONNECT_TIMEOUT": 1})
        minute, hour = timedelta(minutes=1), timedelta(hours=1)
        self._requests = _Policy("requests", limits.requests_per_minute, minute, store)
        self._audio = _Policy("audio-seconds", limits.audio_seconds_per_hour, hour, store)
        by_address = limits.address_requests_per_minute
        self._addresses = _Policy("address", by_address, minute, store) if by_address else None

    async def take_address(self, address: str) -> None:
        """Count one request of a client address, before its token is verified. Raises Problem 429."""
        if self._addresses is not None:
            await self._addresses.take(_network(address), 1)

    async def take_request(self, subject: str) -> Standing:
        """Count one request of a subject. Raises Problem 429."""
        return await self._requests.take(subject, 1)

    async def take_audio(self, subject: str, seconds: float) -> Standing:
        """Count seconds of audio of a subject. Raises Problem 429."""
        return await self._audio.take(subject, seconds)

    async def check(self) -> None:
        """Raise Problem 503 where buckets cannot be reached."""
        await self._requests.take("readiness", 1 / _PARTS)


def _network(address: str) -> str:
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:  # a Unix socket has no address
        return address
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is None:
        return str(ipaddress.ip_network((parsed, _PREFIX_V6), strict=False))
    return str(getattr(parsed, "ipv4_mapped", None) or parsed)
