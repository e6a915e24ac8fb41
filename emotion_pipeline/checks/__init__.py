"""The gates: one per table, judged on a batch before it is published.

What is expected of a table follows from its contract and from the rules of its stage (``rules``); ``gate`` judges a
batch with Great Expectations and reports.
"""
