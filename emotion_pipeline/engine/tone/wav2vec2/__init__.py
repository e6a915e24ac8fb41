"""Tone by a wav2vec2 checkpoint, which is loaded whole or refused."""
