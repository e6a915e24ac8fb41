"""Telling another server that a job ended: one signed POST, through the engine's guarded client.

The signature is that of the Standard Webhooks specification (v1): HMAC-SHA256 over ``id.timestamp.body``. It is sent
at least once; ``webhook-id`` is the job's, so that a receiver knows what it has had already. Redirects are not
followed: the address that was given is the one that gets the body.
"""

import base64
import hashlib
import hmac
import json
import time
from dataclasses import replace

import httpcore
import httpx

from emotion_pipeline.api.jobs.records import JobRecord
from emotion_pipeline.engine.sources.base import FetchError, FetchLimits
from emotion_pipeline.engine.sources.connections import guarded_client
from emotion_pipeline.engine.sources.retries import Deadline


def body_of(job: JobRecord) -> bytes:
    """Return what the other server is told: which job ended and how; the result is to be fetched with a token."""
    told = {"type": f"job.{job.status}", "job": job.id, "status": job.status, "failure": job.failure_code}
    return json.dumps(told, separators=(",", ":")).encode()


def signature(secret: str, webhook_id: str, timestamp: int, body: bytes) -> str:
    """Return the value of ``webhook-signature``."""
    signed = b"%s.%d.%s" % (webhook_id.encode(), timestamp, body)
    return f"v1,{base64.b64encode(hmac.new(secret.encode(), signed, hashlib.sha256).digest()).decode()}"


def deliver(job: JobRecord, secret: str, limits: FetchLimits, timeout_s: float) -> bool:
    """Tell a job's webhook once and return whether it answered with a status of success."""
    body, timestamp = body_of(job), int(time.time())
    headers = {
        "Content-Type": "application/json",
        "webhook-id": job.id,
        "webhook-timestamp": str(timestamp),
        "webhook-signature": signature(secret, job.id, timestamp, body),
    }
    bounded = replace(limits, stall_s=timeout_s, timeout_s=timeout_s)
    try:
        with (
            guarded_client(bounded, Deadline(timeout_s), httpx.create_ssl_context()) as client,
            client.stream(
                "POST", job.webhook_url or "", content=body, headers=headers, follow_redirects=False
            ) as answer,
        ):
            return answer.is_success
    except (
        FetchError,
        httpx.HTTPError,
        httpx.InvalidURL,
        httpcore.TimeoutException,
        httpcore.NetworkError,
        httpcore.ProtocolError,
    ):
        return False
