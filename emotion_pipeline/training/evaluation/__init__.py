"""Measures models on labelled corpora: text emotion, tone, and the word error rate of transcription."""
