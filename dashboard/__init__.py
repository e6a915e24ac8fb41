"""The dashboard: pages over the marts for people who would rather look than read; ``make dashboard`` starts it.

It asks ``emotion_pipeline.report.queries`` and draws with ``emotion_pipeline.report.charts``; here is only what makes
pages of that. It writes nothing but reviews.
"""
