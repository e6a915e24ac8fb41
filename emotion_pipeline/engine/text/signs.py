"""Emoji and typed emoticons as the words that a writer would say instead.

A network whose vocabulary lacks an emoji reads nothing in its place, and Unicode's names ("face with steam from nose")
say what a sign looks like, not what is felt. Counting signs is a linguistic feature and belongs to ``features``; how
much a sign counts beside the words of its text, to the emotion predictor.
"""

import re
from types import MappingProxyType
from typing import Final

# Raised when a phrase changes: the scores of texts with signs depend on it.
VERSION: Final = 1

PHRASES: Final = MappingProxyType(
    {
        "haha": "😂 🤣 😆 😹 😅 xD XD",
        "I am happy": "😊 😀 😃 😄 😁 🙂 ☺ 😺 🤗 😌 :) :-) =) (: :D :-D =D",
        "I love it": "😍 🥰 ❤ 🧡 💛 💚 💙 💜 🖤 🤍 💕 💖 💗 💓 💞 💘 😘 😻 ♥ ♡ <3",
        "great": "👍 👌 👏 🙌 💯 🔥 💪 😎 ✌ 🤩",
        "thank you": "🙏",
        "yay, congratulations": "🎉 🥳 🎊",
        "yummy": "😋",
        "just kidding": "😉 😜 😝 😛 😏 🤪 ;) ;-) :P :p :-P :-p",
        "I am sad": "😢 😔 😞 🙁 ☹ 😥 😓 🥺 😿 :( :-( =(",
        "I am crying": "😭 :'( :'-( :’(",
        "I am heartbroken": "💔 </3",
        "I am angry": "😡 😠 😤 👿 >:( >:-(",
        "I am furious": "🤬",
        "this is bad, I don't like it": "👎",
        "how annoying": "🙄 😒 😑",
        "I am scared": "😱 😨",
        "I am nervous": "😰 😟 😬 😧",
        "that is disgusting": "🤢 🤮",
        "I am embarrassed": "😳 🤦",
        "I wonder": "🤔 🤨",
        "wow, what a surprise": "😮 😲 😯 🤯 :o :O :-o :-O",
        "I am not sure": "😕 🤷 :/ :-/",
        "I am tired": "😩 😫 😪 😖 😣",
    }
)

_PHRASE_OF: Final = MappingProxyType({sign: phrase for phrase, signs in PHRASES.items() for sign in signs.split()})


def _either(signs: list[str]) -> str:
    return "|".join(re.escape(sign) for sign in sorted(signs, key=len, reverse=True))


_TYPED: Final = [sign for sign in _PHRASE_OF if ord(sign[0]) < 128]
# Emoticons do not stand inside a word, a time or an address ("10:00", "http://").
_SIGN: Final = re.compile(
    rf"(?<![\w:/])(?:{_either(_TYPED)})(?![\w/])|(?:{_either([sign for sign in _PHRASE_OF if sign not in _TYPED])})"
)
# Variation selectors, joiners, skin tones and genders, which change how a sign looks.
_LOOKS: Final = re.compile("[\ufe0e\ufe0f\u200d\u2640\u2642\U0001f3fb-\U0001f3ff]")


def with_phrases(text: str) -> str | None:
    """Return a text with a phrase in place of its signs, each phrase once; None where no sign is known.

    >>> with_phrases("no news :( 😢")
    'no news. I am sad.'
    """
    seen: set[str] = set()

    def phrase(found: re.Match[str]) -> str:
        words = _PHRASE_OF[found[0]]
        if words in seen:
            return " "
        seen.add(words)
        return f". {words}. "

    phrased, found_signs = _SIGN.subn(phrase, _LOOKS.sub("", text))
    if not found_signs:
        return None
    spaced = re.sub(r"\s{2,}", " ", phrased)
    return re.sub(r"(?:^|(?<=[.!?,])) ?\.(?= |$)| (?=\.)", "", spaced).strip()
