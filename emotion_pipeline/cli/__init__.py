"""The commands: ``emotion-clf``, and what ``make demo`` and ``make backfill`` run."""
