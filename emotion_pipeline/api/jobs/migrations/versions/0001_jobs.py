"""The table of jobs."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("id", sa.String(32), primary_key=True),
        sa.Column("subject", sa.String(200), nullable=False, index=True),
        sa.Column("status", sa.String(16), nullable=False),
        sa.Column("short", sa.Boolean, nullable=False, server_default=sa.false()),
        sa.Column("file", sa.Text, nullable=False),
        sa.Column("upload", sa.String(80)),
        sa.Column("address", sa.Text),
        sa.Column("audio_seconds", sa.Float),
        sa.Column("progress", sa.Float, nullable=False),
        sa.Column("stage", sa.String(32)),
        sa.Column("result", sa.Text),
        sa.Column("failure_code", sa.String(64)),
        sa.Column("failure_detail", sa.Text),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("started_at", sa.Float),
        sa.Column("finished_at", sa.Float),
        sa.Column("claim", sa.String(32)),
        sa.Column("lease_until", sa.Float),
        sa.Column("attempts", sa.Integer, nullable=False),
        sa.Column("idempotency_key", sa.String(255)),
        sa.Column("request_digest", sa.String(64)),
        sa.Column("webhook_url", sa.Text),
        sa.Column("webhook_status", sa.String(16), nullable=False),
        sa.Column("webhook_attempts", sa.Integer, nullable=False),
        sa.Column("webhook_due_at", sa.Float),
        sa.UniqueConstraint("subject", "idempotency_key", name="uq_jobs_subject_key"),
    )
    op.create_index("ix_jobs_status_short_created", "jobs", ["status", "short", "created_at"])
    op.create_index("ix_jobs_webhook_due", "jobs", ["webhook_status", "webhook_due_at"])


def downgrade() -> None:
    op.drop_table("jobs")
