"""Tells which emotion a text expresses: base emotion, sub-emotion, intensity, 28 labels."""
