"""Telling another server that a job ended: one signed POST, as the Standard Webhooks specification says.

``webhook-id`` is the job's id in every attempt, so a receiver recognises what it has already had. Redirects are not
followed. When the next attempt is due is decided by ``store``.
"""

import base64
import hmac
import json
import time
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

import httpx

from emotion_pipeline.api.jobs.records import DELIVERED, PENDING, UNDELIVERED, JobRecord
from emotion_pipeline.engine.common.retries import Deadline
from emotion_pipeline.engine.sources.base import FetchLimits
from emotion_pipeline.engine.sources.connections import guarded_client
from emotion_pipeline.engine.sources.fetch_errors import FetchError

# The receiver wants no more webhooks.
_GONE: Final = 410


def body_of(job: JobRecord) -> bytes:
    """Return the message: which job ended and how. The result itself is fetched with a token."""
    data = {"job": job.id, "status": job.status, "failure": job.failure_code}
    ended_at = datetime.fromtimestamp(job.finished_at or 0.0, UTC).isoformat()
    message = {"type": f"job.{job.status}", "timestamp": ended_at, "data": data}
    return json.dumps(message, separators=(",", ":")).encode()


def signed_headers(job_id: str, body: bytes, key: bytes) -> dict[str, str]:
    """Return the headers by which the receiver verifies the sender, the body and the time of sending."""
    timestamp = int(time.time())
    digest = hmac.digest(key, b"%s.%d.%s" % (job_id.encode(), timestamp, body), "sha256")
    return {
        "webhook-id": job_id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def deliver(job: JobRecord, key: bytes, limits: FetchLimits, timeout_s: float) -> str:
    """Send a job's webhook once.

    :param key: the bytes that the webhook secret encodes
    :return: ``DELIVERED``, ``UNDELIVERED`` where the receiver wants no further attempt (410), otherwise ``PENDING``
    """
    body = body_of(job)
    headers = {"Content-Type": "application/json", **signed_headers(job.id, body, key)}
    bounded = replace(limits, stall_s=timeout_s, timeout_s=timeout_s)
    try:
        with (
            guarded_client(bounded, Deadline(timeout_s), httpx.create_ssl_context()) as client,
            client.stream(
                "POST", job.webhook_url or "", content=body, headers=headers, follow_redirects=False
            ) as answer,
        ):
            if answer.status_code == _GONE:
                return UNDELIVERED
            return DELIVERED if answer.is_success else PENDING
    except (FetchError, httpx.HTTPError, httpx.InvalidURL):
        return PENDING
