"""Whether a text is English, or in a language that a back end reads, told by its script and its smallest words.

That is enough to warn and to keep a text back, not to name a language: the models here read English only. Anything
finer than yes or no belongs to a transcriber, which hears the language.
"""

from collections.abc import Set
from typing import Final

from emotion_pipeline.engine.text.tokens import words

_ENGLISH_WORDS: Final = """
the a an and or but if to of in on at for with from by is are was were be been am i you he she it we they me him her us
them my your his its our their this that these those what who how why when where not no yes do does did have has had
will would can could should just so as than then there here all some any very too about out up like get got go going
know think im dont thats youre cant lol oh
"""
# By ISO 639-1 code. None is English too.
_OTHER_WORDS: Final = {
    "de": "der das und ist nicht ich du ein eine zu mit auf für wie sie wir aber auch sind dass dem sehr bin hast kann",
    "fr": "le les des est une et je tu il elle nous vous pas que qui dans pour avec ce cette mais sur très suis sont "
    "c'est",
    "es": "el los las es y en un una por para con mi su pero muy está estoy esto porque eres qué lo más",
    "pt": "os uma não eu você ele ela nós muito isso são com mas estou meu",
    "it": "gli di che è sono non ti per ma molto questo della sei ho hai",
    "nl": "het een ik jij wij niet zijn maar ook heel dat voor",
    "sv": "och det att jag inte är som på mycket",
    "pl": "nie jest się jak ale bardzo mam",
    "tr": "bir ve bu çok için değil ama",
    "id": "yang tidak ini itu saya kamu sangat aku",
}

# How languages are told; raise the number when the rules below change.
FINGERPRINT: Final = "languages=1"

_ENGLISH: Final = frozenset(_ENGLISH_WORDS.split())
_WORDS: Final = {code: frozenset(some.split()) for code, some in _OTHER_WORDS.items()}
_LATIN_END: Final = 0x250
# Of languages in other scripts that a back end reads: Devanagari, which is also that of Marathi and Nepali.
_SCRIPTS: Final = {"hi": range(0x900, 0x980)}
_FEWEST_WORDS: Final = 3
# Characters of a text that are looked at.
_READ: Final = 2_000


def seems_english(text: str) -> bool:
    """False where most letters are of another script, or small words of other languages outnumber English ones.

    Names and single words pass: what is too short to tell is not called foreign.
    """
    return seems_one_of(text, frozenset({"en"}))


def seems_one_of(text: str, languages: Set[str]) -> bool:
    """False where a text is in none of these languages (ISO 639-1), as far as script and small words tell."""
    letters = [character for character in text[:_READ] if character.isalpha()]
    foreign = [ord(letter) for letter in letters if ord(letter) >= _LATIN_END]
    if len(foreign) > len(letters) / 2:
        scripts = [script for code, script in _SCRIPTS.items() if code in languages]
        return sum(any(point in script for script in scripts) for point in foreign) > len(foreign) / 2
    tokens = [word.lower() for word in words(text[:_READ])]
    if len(tokens) < _FEWEST_WORDS:
        return True
    own = frozenset[str]().union(*(some for code, some in _WORDS.items() if code in languages))
    other = frozenset[str]().union(*(some for code, some in _WORDS.items() if code not in languages)) - own
    english = _ENGLISH if "en" in languages else frozenset[str]()
    read = sum(token in own or token.replace("'", "") in english for token in tokens)
    others = sum(token in other for token in tokens)
    return others < 2 or others <= read
