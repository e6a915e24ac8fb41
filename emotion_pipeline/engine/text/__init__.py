"""Splits words into segments and computes the 42 linguistic features of a text."""
