"""Whether a text is English, told by its script and its smallest words: enough to warn, not to name a language.

The models read English only. Anything finer than yes or no belongs to a transcriber, which hears the language.
"""

from typing import Final

from emotion_pipeline.engine.text.tokens import words

_ENGLISH_WORDS: Final = """
the a an and or but if to of in on at for with from by is are was were be been am i you he she it we they me him her us
them my your his its our their this that these those what who how why when where not no yes do does did have has had
will would can could should just so as than then there here all some any very too about out up like get got go going
know think im dont thats youre cant lol oh
"""
_OTHER_WORDS: Final = """
der das und ist nicht ich du ein eine zu mit auf für wie sie wir aber auch sind dass dem sehr bin hast kann
le les des est une et je tu il elle nous vous pas que qui dans pour avec ce cette mais sur très suis sont c'est
el los las es y en un una por para con mi su pero muy está estoy esto porque eres qué lo más
os uma não eu você ele ela nós muito isso são com mas estou meu
gli di che è sono non ti per ma molto questo della sei ho hai
het een ik jij wij niet zijn maar ook heel dat voor
och det att jag inte är som på mycket
nie jest się jak ale bardzo mam
bir ve bu çok için değil ama
yang tidak ini itu saya kamu sangat aku
"""
"""German; French; Spanish; Portuguese; Italian; Dutch; Swedish; Polish; Turkish; Indonesian. None is English too."""

_ENGLISH: Final = frozenset(_ENGLISH_WORDS.split())
_OTHERS: Final = frozenset(_OTHER_WORDS.split())
_LATIN_END: Final = 0x250
_FEWEST_WORDS: Final = 3


def seems_english(text: str) -> bool:
    """False where most letters are of another script, or small words of other languages outnumber English ones.

    Names and single words pass: what is too short to tell is not called foreign.
    """
    letters = [character for character in text[:2_000] if character.isalpha()]
    foreign = sum(ord(character) >= _LATIN_END for character in letters)
    if foreign > len(letters) / 2:
        return False
    tokens = [word.lower() for word in words(text[:2_000])]
    if len(tokens) < _FEWEST_WORDS:
        return True
    english = sum(token.replace("'", "") in _ENGLISH for token in tokens)
    others = sum(token in _OTHERS for token in tokens)
    return others < 2 or others <= english
