"""Trains the text emotion models: the TF-IDF model, the encoder, and the components of the linguistic features."""
