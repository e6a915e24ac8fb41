"""Holds frames to the contracts of their tables, and prints these contracts as the data dictionary."""
