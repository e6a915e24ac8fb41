"""Codes that are stored in tables together with the sentence that explains them to people; which ones there are is
said where they belong.
"""

from enum import StrEnum


class CodeEnum(StrEnum):
    """A code with its ``meaning``: members are written ``NAME = "code", "One sentence."``."""

    meaning: str

    def __new__(cls, code: str, meaning: str) -> "CodeEnum":
        member = str.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member
