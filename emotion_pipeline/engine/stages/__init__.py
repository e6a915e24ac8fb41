"""One function per table: frames in, frame out, reusing the rows of the last output.

Assets and the command line call the same stages. ``tables`` describes the columns. Signal processing, models and rules
live in the packages beside this one.
"""
