"""Turns a recording into words with times and speakers, whichever recogniser or service is chosen."""
