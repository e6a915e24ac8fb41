"""Measurements that print one JSON line each, beside a named peer on the same work where there is one.

``make bench`` runs them all in their long form; a short form of each runs in the tests, so that none can rot.
"""
