"""Alembic migrations of the table of jobs, run at the start of the service."""
