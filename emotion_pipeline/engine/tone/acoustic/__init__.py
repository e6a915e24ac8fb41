"""Tone by acoustic features and a small committee of networks: the model that ships."""
