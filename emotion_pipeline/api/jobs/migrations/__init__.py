"""How the tables of jobs came to their present form: one module a step, run by Alembic at the start of the service."""
