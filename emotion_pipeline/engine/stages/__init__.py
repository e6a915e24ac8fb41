"""One function per table: frames in, frame out, with the work that is already done taken over from the last output.

Each stage is what an asset calls and what the command line chains, so that both give the same answer. Columns are those
that ``emotion_pipeline.schema.tables`` describes. Signal processing, models and rules live in the packages beside this
one.
"""
