"""Sources of recordings: each lists recordings by day and fetches their bytes; ``engine.audio`` decodes them."""
