"""Redaction: personal data taken out of the words of a transcript, and silenced in the stored audio.

Who decides whether a transcript is redacted at all, and where the result is kept, is not here.
"""
