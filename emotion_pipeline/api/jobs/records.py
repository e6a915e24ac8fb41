"""The tables of jobs and of servers; the migrations beside this module make and change it."""

from sqlalchemy import Float, Index, Integer, String, Text, UniqueConstraint, false
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

QUEUED, RUNNING, SUCCEEDED, FAILED = "queued", "running", "succeeded", "failed"
UNFINISHED = (QUEUED, RUNNING)
NO_WEBHOOK, PENDING, DELIVERED, UNDELIVERED = "none", "pending", "delivered", "failed"


class Base(DeclarativeBase):
    """All tables of the service."""


class JobRecord(Base):
    """One job. Times are seconds since 1970, UTC."""

    __tablename__ = "jobs"
    __table_args__ = (
        UniqueConstraint("subject", "idempotency_key", name="uq_jobs_subject_key"),
        Index("ix_jobs_status_short_created", "status", "short", "created_at"),
        Index("ix_jobs_webhook_due", "webhook_status", "webhook_due_at"),
    )

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    subject: Mapped[str] = mapped_column(String(200), index=True)
    status: Mapped[str] = mapped_column(String(16))
    # Its request waits for the result.
    short: Mapped[bool] = mapped_column(server_default=false())
    # The recording's name as it was sent, or its address without secrets.
    file: Mapped[str] = mapped_column(Text)
    # Name of the file in the folder of uploads, until the job ends.
    upload: Mapped[str | None] = mapped_column(String(80))
    # Where the recording lies, secrets included; forgotten when the job ends.
    address: Mapped[str | None] = mapped_column(Text)
    audio_seconds: Mapped[float | None] = mapped_column(Float)
    progress: Mapped[float] = mapped_column(Float, default=0.0)
    stage: Mapped[str | None] = mapped_column(String(32))
    # JSON, as ``schemas.RecordingResult``.
    result: Mapped[str | None] = mapped_column(Text)
    failure_code: Mapped[str | None] = mapped_column(String(64))
    failure_detail: Mapped[str | None] = mapped_column(Text)
    created_at: Mapped[float] = mapped_column(Float)
    started_at: Mapped[float | None] = mapped_column(Float)
    finished_at: Mapped[float | None] = mapped_column(Float)
    # The token of the worker that holds the job.
    claim: Mapped[str | None] = mapped_column(String(32))
    # When the claim lapses unless it is renewed.
    lease_until: Mapped[float | None] = mapped_column(Float)
    # How often work on it began, not counting jobs that a stopping worker gave back.
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    idempotency_key: Mapped[str | None] = mapped_column(String(255))
    request_digest: Mapped[str | None] = mapped_column(String(64))
    webhook_url: Mapped[str | None] = mapped_column(Text)
    webhook_status: Mapped[str] = mapped_column(String(16), default=NO_WEBHOOK)
    webhook_attempts: Mapped[int] = mapped_column(Integer, default=0)
    webhook_due_at: Mapped[float | None] = mapped_column(Float)


class ServerRecord(Base):
    """A server that runs, see ``servers``."""

    __tablename__ = "servers"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    # The identity of its folder of uploads.
    folder: Mapped[str] = mapped_column(String(32))
    # Seconds since 1970, UTC.
    seen_at: Mapped[float] = mapped_column(Float)
