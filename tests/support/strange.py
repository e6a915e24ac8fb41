"""Strings that have broken readers of text before."""

import random

from support.thorough import THOROUGH


def strange_strings(count: int) -> list[str]:
    """Strings of every kind that has broken readers of text before; the first is the longest, up to one megabyte."""
    chance = random.Random(7)
    alphabets = [
        "abcdefghij klmnop qrstuvwxyz'!?., ",
        "😀🎉💔👩‍👩‍👧🇩🇪❤️ ",
        "مرحبا كيف حالك ",
        "שלום עולם ",
        "日本語のテキスト中文한국어",
        "".join(map(chr, range(32))),
        "\ud800\udfff\udc00 a",
        "\u202e\u200b\u200d\ufeff\u0301 x",
        "\x00\x00null ",
        "<script>[NAME][CLS][SEP][MASK][PAD]##ing ",
        "ÀÉÎÕÜßøæðþ ",
        "𝓽𝓮𝔁𝓽 ㋿ﷺ ",
    ]
    words = 150_000 if THOROUGH else 10_000
    made = ["really " * words, "x" * words, "", " ", "\n", "!" * 5_000, "😀" * 3_000]
    while len(made) < count:
        alphabet = chance.choice(alphabets) + chance.choice(alphabets)
        made.append("".join(chance.choice(alphabet) for _ in range(chance.randrange(40))))
    return made
