"""Where recordings come from. Each source lists what it has by day; reading and judging the bytes is ``engine.audio``'s
work.
"""
