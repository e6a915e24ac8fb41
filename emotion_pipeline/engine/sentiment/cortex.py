"""The sentiment of texts as Snowflake Cortex scores it: all texts of a call in one statement, no text twice.

Texts go into a temporary table of the session; those that the cache has no answer for are counted, and scored as far as
the budget allows. The cache is a table that is kept, by function and hash of the text, so that what one call scored is
known to all later ones, of other days and hosts too. The statements are in ``cortex_statements``.
"""

import hashlib
from collections.abc import Mapping, Sequence
from itertools import accumulate
from types import MappingProxyType
from typing import Final

from emotion_pipeline.engine.common.errors import BackendUnavailableError, EmotionPipelineError
from emotion_pipeline.engine.sentiment.base import Sentiment, TextNotScoredError, UnscoredReason
from emotion_pipeline.engine.sentiment.cortex_statements import (
    AI_SENTIMENT,
    CREATE_CACHE,
    CREATE_TEXTS,
    DELETE_CACHED,
    INSERT_TEXT,
    SELECT_PENDING,
    SENTIMENT,
    CortexFunction,
    create_pending,
    score,
    select_answers,
)
from emotion_pipeline.engine.snowflake.session import Connect, RowsRefusedError, Session, session
from emotion_pipeline.engine.text.language import FINGERPRINT as LANGUAGE
from emotion_pipeline.engine.text.language import seems_one_of
from emotion_pipeline.engine.text.tokens import says_something

# Our choice: labels have no strength, and mixed is as far from both ends as neutral. ``unknown`` is no score.
SCORES_OF_LABELS: Final[Mapping[str, float]] = MappingProxyType(
    {"positive": 1.0, "negative": -1.0, "neutral": 0.0, "mixed": 0.0}
)

# Statements of one call that may fail on their rows before the rest is left for the next run.
_MOST_FAILURES: Final = 50


class TokenBudgetError(EmotionPipelineError):
    """A call that needs more tokens than it may use; what it did score is in the cache."""


class CortexSentiment:
    """A ``SentimentBackend`` that also says why a text has no score.

    :param connect: opens a connection; its role needs the database role SNOWFLAKE.CORTEX_USER, and CREATE TABLE in the
        schema
    :param schema: where the cache lies, as SQL names it; None is the schema that the connection is in
    :param max_tokens: that one call may use, as counted beforehand; None counts nothing and sets no limit
    """

    def __init__(
        self, function: CortexFunction, connect: Connect, schema: str | None = None, max_tokens: int | None = None
    ) -> None:
        self._function = function
        self._connect = connect
        self._schema = schema
        self._max_tokens = max_tokens

    @property
    def languages(self) -> frozenset[str]:
        return self._function.languages

    @property
    def fingerprint(self) -> str:
        """Snowflake gives its functions no version: what is known is which one it is, and our rules around it."""
        rules = f"{sorted(self._function.languages)}|{sorted(SCORES_OF_LABELS.items())}|{LANGUAGE}"
        return f"cortex:{self._function.name}:unversioned:{hashlib.sha256(rules.encode()).hexdigest()[:12]}"

    def sentiments(self, texts: Sequence[str]) -> list[Sentiment]:
        """Return a sentiment per text, in order; a text without words is 0 and is not sent.

        :raises TokenBudgetError: the texts need more tokens than ``max_tokens``; those that fit were scored and kept
        :raises BackendUnavailableError: no text can be scored: Snowflake, its schema, function or right is missing
        """
        readable = {
            text for text in set(texts) if says_something(text) and seems_one_of(text, self._function.languages)
        }
        texts_by_hash = {_hash_of(text): text for text in texts if text in readable}
        answers = self._answers(texts_by_hash) if texts_by_hash else {}
        return [self._sentiment(text, answers) if text in readable else _unsent(text) for text in texts]

    def score(self, texts: Sequence[str]) -> list[float]:
        """Return a score per text. Raises TextNotScoredError where one has none, and as ``judge``."""
        sentiments = self.sentiments(texts)
        for number, sentiment in enumerate(sentiments, start=1):
            if sentiment.score is None:
                raise TextNotScoredError(number, str(sentiment.reason))
        return [sentiment.score for sentiment in sentiments if sentiment.score is not None]

    def forget(self, texts: Sequence[str]) -> None:
        """Drop what the cache holds of texts, of both functions. Raises BackendUnavailableError."""
        with session(self._connect, self._schema) as opened:
            opened.execute(CREATE_CACHE)
            opened.insert(DELETE_CACHED, [(_hash_of(text),) for text in texts])

    def _sentiment(self, text: str, answers: Mapping[str, float | str]) -> Sentiment:
        answer = answers.get(_hash_of(text))
        value = SCORES_OF_LABELS.get(answer) if isinstance(answer, str) else answer
        return Sentiment(None, UnscoredReason.REFUSED) if value is None else Sentiment(float(value))

    def _answers(self, texts: Mapping[str, str]) -> dict[str, float | str]:
        """Return what the function says of texts by their hash, without those that it refuses."""
        with session(self._connect, self._schema) as opened:
            opened.execute(CREATE_CACHE)
            opened.execute(CREATE_TEXTS)
            opened.insert(INSERT_TEXT, [(n, digest, _valid(text)) for n, (digest, text) in enumerate(texts.items())])
            opened.execute(create_pending(self._function, counted=self._max_tokens is not None))
            pending = [(int(position), int(tokens or 0)) for position, tokens in opened.execute(SELECT_PENDING)]
            fitting = self._fitting(pending)
            self._score(opened, fitting)
            if len(fitting) < len(pending):
                raise self._out_of_budget(pending, len(fitting))
            return dict(opened.execute(select_answers(self._function)))

    def _fitting(self, pending: Sequence[tuple[int, int]]) -> list[int]:
        """Return the positions of the first texts that together stay inside the budget."""
        positions = [position for position, _ in pending]
        if self._max_tokens is None:
            return positions
        used = accumulate(tokens for _, tokens in pending)
        return [position for position, total in zip(positions, used, strict=True) if total <= self._max_tokens]

    def _score(self, opened: Session, positions: list[int]) -> None:
        """Score the texts at these positions at once, or, where that fails on one of them, the others without it."""
        batches, failures, done = [positions] if positions else [], 0, 0
        while batches:
            batch = batches.pop()
            try:
                opened.execute(score(self._function, batch[0], batch[-1]))
                done += len(batch)
            except RowsRefusedError as error:
                failures += 1
                if failures == _MOST_FAILURES and not done:
                    message = f"Cortex refuses every text: {error}; see docs/cortex.md"
                    raise BackendUnavailableError(message) from error
                if failures == _MOST_FAILURES:
                    return
                half = len(batch) // 2
                batches += [part for part in (batch[half:], batch[:half]) if part and half]

    def _out_of_budget(self, pending: Sequence[tuple[int, int]], scored: int) -> TokenBudgetError:
        needed = sum(tokens for _, tokens in pending)
        what = (
            f"{len(pending):,} texts without a score need {needed:,} tokens of {self._function.name}, and "
            f"sentiment.max_tokens allows {self._max_tokens:,} a run"
        )
        if not scored:
            return TokenBudgetError(f"{what}; the first alone needs {pending[0][1]:,}: raise sentiment.max_tokens")
        return TokenBudgetError(
            f"{what}; {scored:,} were scored and are kept. Run it again, which goes on from there, or raise "
            "sentiment.max_tokens"
        )


def cortex_sentiment(
    function: str, connect: Connect | None, schema: str | None = None, max_tokens: int | None = None
) -> CortexSentiment:
    """Return the back end around SENTIMENT or AI_SENTIMENT.

    :raises BackendUnavailableError: nothing says how Snowflake is reached
    """
    if connect is None:
        raise BackendUnavailableError(
            f"Cortex's {function} needs a Snowflake account; set SNOWFLAKE_ACCOUNT and others"
        )
    functions = {cortex_function.name: cortex_function for cortex_function in (SENTIMENT, AI_SENTIMENT)}
    return CortexSentiment(functions[function], connect, schema, max_tokens)


def _unsent(text: str) -> Sentiment:
    return Sentiment(None, UnscoredReason.LANGUAGE_NOT_SUPPORTED) if says_something(text) else Sentiment(0.0)


def _hash_of(text: str) -> str:
    return hashlib.sha256(_valid(text).encode()).hexdigest()


def _valid(text: str) -> str:
    """Return a text that can be written in UTF-8: half of a pair of surrogates cannot."""
    return text.encode("utf-8", "replace").decode()
