"""What assets are given: where tables, recordings, models and marts come from.

Each resource hands out plain values or objects of the engine.
"""
