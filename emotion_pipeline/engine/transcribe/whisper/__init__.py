"""Whisper in three packages: OpenAI's own, CTranslate2 (faster-whisper), and transformers."""
