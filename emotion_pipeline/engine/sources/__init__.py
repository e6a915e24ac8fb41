"""Lists recordings by day and fetches their bytes, wherever they lie; judging the bytes belongs to ``engine.audio``."""
