"""Predicts the emotion of a text: base emotion, sub-emotion, intensity, 28 labels."""
