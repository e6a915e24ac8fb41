"""Transcription by services that take whole recordings: AssemblyAI, and AI_TRANSCRIBE of Snowflake Cortex."""
