"""Reads, checks, cuts and stores audio, and finds where somebody speaks."""
