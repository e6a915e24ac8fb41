"""Redaction: replaces personal data in the words of a transcript, and silences it in the stored audio."""
