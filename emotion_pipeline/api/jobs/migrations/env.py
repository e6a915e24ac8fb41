"""Alembic's entry: run the steps on the connection that ``database.migrate`` holds, in its transaction."""

from alembic import context

from emotion_pipeline.api.jobs.records import Base

connection = context.config.attributes["connection"]
context.configure(connection=connection, target_metadata=Base.metadata, render_as_batch=True)
with context.begin_transaction():
    context.run_migrations()
