"""Tells how a voice sounds, from the audio alone."""
