"""The speech-emotion engine: plain Python, no orchestrator, no warehouse, no environment.

What it needs it takes as arguments. Reading settings belongs in ``emotion_pipeline.config``, the contracts of tables in
``schema``, storage in ``warehouse``, orchestration in ``assets``, ``resources`` and ``jobs``.
"""
