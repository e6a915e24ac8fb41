"""Trains the tone models: the shipped acoustic one, and wav2vec2 checkpoints by fine-tuning."""
