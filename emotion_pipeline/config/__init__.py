"""Reads the settings, and turns them into what the engine is told."""
