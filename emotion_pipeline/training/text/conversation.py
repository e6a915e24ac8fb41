"""The conversation set: spoken sentences of service calls, meetings and voice messages, written for this project.

Reads ``conversation.yaml`` beside this file, whose head describes its form, and makes further wordings of a sentence
by rule for training. A third of the templates is never trained on; ``training.evaluation.conversation`` measures them.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from emotion_pipeline.engine.common.errors import TrainingDataError
from emotion_pipeline.engine.emotion.taxonomy import BASE_OF, LABEL_OF_SUB, LABELS
from emotion_pipeline.training.text.data import LabelledTexts

SOURCE: Final = Path(__file__).with_name("conversation.yaml")

_CHOICE: Final = re.compile(r"\{([^{}]*)\}")
_KEYS: Final = {"id", "labels", "sentiment", "say"}
_OPTIONAL: Final = {"intensity", "held_out", "hard"}

# Short forms and what they stand for; either may be spoken where the other is written.
_CONTRACTIONS: Final = (
    ("I'm", "I am"), ("it's", "it is"), ("that's", "that is"), ("don't", "do not"), ("can't", "cannot"),
    ("isn't", "is not"), ("I've", "I have"), ("you're", "you are"), ("we're", "we are"), ("wasn't", "was not"),
    ("I'll", "I will"), ("couldn't", "could not"), ("doesn't", "does not"), ("didn't", "did not"),
)  # fmt: skip

# Words that a recogniser takes for each other, because they sound alike.
_SOUND_ALIKE: Final = (
    ("for", "four"), ("to", "too"), ("you're", "your"), ("here", "hear"), ("their", "there"), ("know", "no"),
    ("right", "write"), ("week", "weak"), ("whole", "hole"), ("our", "are"), ("and", "in"), ("the", "a"),
    ("it's", "its"), ("we", "he"), ("can't", "can"), ("wait", "weight"), ("new", "knew"), ("one", "won"),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence and what is felt in it: ``intensity`` 1 to 3, 0 where nothing is; ``sentiment`` -1, 0 or 1.

    ``hard``: irony, which words alone may not give away. ``held_out``: not for training.
    """

    text: str
    kind: str
    template: str
    labels: tuple[str, ...]
    intensity: int
    sentiment: int
    held_out: bool
    hard: bool

    @property
    def base(self) -> str:
        """The base emotion of the first label."""
        return BASE_OF[self.labels[0]]

    @property
    def sub(self) -> str | None:
        """The sub-emotion that one of the labels names; None where none does."""
        return next((sub for sub, label in LABEL_OF_SUB.items() if label in self.labels), None)


def read_conversation(path: Path = SOURCE) -> tuple[Sentence, ...]:
    """Read all sentences, in the order of the file; raises ``TrainingDataError`` naming the template that is wrong."""
    try:
        kinds = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise TrainingDataError(f"{path} cannot be read: {error}.") from error
    if not isinstance(kinds, dict) or not all(isinstance(templates, list) for templates in kinds.values()):
        raise TrainingDataError(f"{path} must hold kinds of sentences, each with a list of templates.")
    sentences = [
        sentence for kind, templates in kinds.items() for template in templates
        for sentence in _sentences(template, kind, path)
    ]  # fmt: skip
    identifiers = [template["id"] for templates in kinds.values() for template in templates]
    twice = next((name for name in identifiers if identifiers.count(name) > 1), None)
    if twice:
        raise TrainingDataError(f"{path}: two templates have the id {twice!r}.")
    return tuple(sentences)


def _sentences(template: Any, kind: str, path: Path) -> Iterator[Sentence]:
    where = f"{path}, {kind}, {template.get('id') if isinstance(template, dict) else template!r}"
    if not isinstance(template, dict) or not _KEYS <= set(template) <= _KEYS | _OPTIONAL:
        raise TrainingDataError(f"{where}: a template has {', '.join(sorted(_KEYS))}, and may have "
                                f"{', '.join(sorted(_OPTIONAL))}.")  # fmt: skip
    unknown = [label for label in template["labels"] if label not in LABELS]
    if unknown or not template["labels"]:
        raise TrainingDataError(f"{where}: the labels {template['labels']} are not all of {', '.join(LABELS)}.")
    intensity, sentiment = template.get("intensity", 0), template["sentiment"]
    if intensity not in range(4) or sentiment not in range(-1, 2):
        raise TrainingDataError(
            f"{where}: intensity {intensity!r} is not 0 to 3, or sentiment {sentiment!r} not -1 to 1."
        )
    for line in template["say"]:
        for text in expanded(line):
            yield Sentence(
                text, kind, template["id"], tuple(template["labels"]), intensity, sentiment,
                template.get("held_out", False), template.get("hard", False),
            )  # fmt: skip


def expanded(line: str) -> list[str]:
    """Return the sentences of a line with choices: as many as the longest choice has options, each choice in turn."""
    longest = max((choice.count("|") + 1 for choice in _CHOICE.findall(line)), default=1)

    def pick(number: int) -> Callable[[re.Match[str]], str]:
        return lambda choice: (options := choice[1].split("|"))[number % len(options)]

    return [_CHOICE.sub(pick(number), line) for number in range(longest)]


def for_training(sentences: Sequence[Sentence], wordings: int, seed: int) -> LabelledTexts:
    """Return the sentences that may be trained on, each in ``wordings`` different ways of saying or hearing it."""
    chance = np.random.default_rng(seed)
    shown = [sentence for sentence in sentences if not sentence.held_out]
    rows = [sentence for sentence in shown for _ in range(wordings)]
    texts = [
        sentence.text if number % wordings == 0 else paraphrased(sentence.text, chance)
        for number, sentence in enumerate(rows)
    ]
    return LabelledTexts(tuple(texts), np.array([[label in row.labels for label in LABELS] for row in rows]))


def paraphrased(text: str, chance: np.random.Generator) -> str:
    """Return ``text`` as somebody else may say or a recogniser hear it: long and short forms, a word misheard or lost.

    Words that negate are neither lost nor misheard, since the label hangs on them.
    """
    pairs: Mapping[str, str] = {a: b for pair in _CONTRACTIONS for a, b in (pair, pair[::-1])}
    either_form = re.compile("|".join(rf"\b{re.escape(form)}\b" for form in pairs))
    swapped = either_form.sub(lambda form: pairs[form[0]] if chance.random() < 0.5 else form[0], text)
    alike = {a: b for pair in _SOUND_ALIKE for a, b in (pair, pair[::-1]) if "'t" not in a and a not in {"no", "can"}}
    words = [
        alike.get(word, word) if chance.random() < 0.15 else word
        for word in swapped.split()
        if chance.random() >= 0.04 or _negates(word)
    ]
    return " ".join(words)


def _negates(word: str) -> bool:
    bare = word.lower().strip(".,")
    return bare in {"no", "not", "never", "nothing", "nobody", "cannot", "without"} or bare.endswith("n't")
