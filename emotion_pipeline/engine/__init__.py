"""The speech-emotion engine: plain Python, no orchestrator, no warehouse, no environment.

Everything that listens, reads and judges lives below this package, and takes what it needs as arguments. What
belongs elsewhere: reading settings (``emotion_pipeline.settings``), table contracts (``emotion_pipeline.tables``),
orchestration (``emotion_pipeline.assets``, ``resources``, ``jobs``).
"""
