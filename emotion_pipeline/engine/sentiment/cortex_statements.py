"""The SQL by which texts are scored inside Snowflake, each text once. Running it is not done here.

Names that stand for themselves are in double quotes and upper case. Temporary tables belong to the session. Functions
(read, not run: https://docs.snowflake.com/en/sql-reference/functions, under the names below):

- ``sentiment-snowflake-cortex``: SNOWFLAKE.CORTEX.SENTIMENT(text) gives -1 to 1 for English.
- ``ai_sentiment``: AI_SENTIMENT(text) gives ``{"categories": [{"name": "overall", "sentiment": …}]}`` with positive,
  negative, neutral, mixed or unknown, for English, French, German, Hindi, Italian, Spanish and Portuguese.
- ``ai_count_tokens``: AI_COUNT_TOKENS('ai_sentiment', text) estimates the tokens of a call of AI_SENTIMENT, its own
  prompt included, at no price per token. It knows no functions of SNOWFLAKE.CORTEX; SENTIMENT is taken to cost as much.
"""

from dataclasses import dataclass
from typing import Final, Literal

from emotion_pipeline.engine.text.language import ENGLISH

CACHE: Final = "CORTEX_SENTIMENT_CACHE"
TEXTS: Final = "CORTEX_TEXTS"
PENDING: Final = "CORTEX_PENDING_TEXTS"


@dataclass(frozen=True, slots=True)
class CortexFunction:
    """One function that scores a text: its name, how it is called, what it gives, which languages it reads."""

    name: str
    call: str
    # The column of the cache that its answers are kept in.
    answers: Literal["SCORE", "LABEL"]
    # ISO 639-1 codes.
    languages: frozenset[str]


SENTIMENT: Final = CortexFunction("SENTIMENT", 'SNOWFLAKE.CORTEX.SENTIMENT("TEXT")', answers="SCORE", languages=ENGLISH)
AI_SENTIMENT: Final = CortexFunction(
    "AI_SENTIMENT",
    # Without categories of the caller's the only record is the overall one.
    'AI_SENTIMENT("TEXT"):categories[0]:sentiment::VARCHAR',
    answers="LABEL",
    languages=frozenset({"en", "fr", "de", "hi", "it", "es", "pt"}),
)

CREATE_CACHE: Final = (
    f'CREATE TABLE IF NOT EXISTS "{CACHE}" ('
    "\"FUNCTION_NAME\" VARCHAR NOT NULL COMMENT 'The Cortex function that was asked.', "
    "\"TEXT_HASH\" VARCHAR NOT NULL COMMENT 'SHA-256 of the text in UTF-8, in hexadecimal.', "
    "\"SCORE\" FLOAT COMMENT 'Its answer from -1 to 1, where it gives numbers; null where it had none.', "
    "\"LABEL\" VARCHAR COMMENT 'Its answer, where it gives labels; null where it had none.', "
    "\"TOKENS\" NUMBER(19, 0) COMMENT 'Estimated tokens of the call; null where nobody counted.', "
    "\"SCORED_AT\" TIMESTAMP_TZ(6) NOT NULL COMMENT 'When it was asked.'"
    ") COMMENT = 'What Cortex said of texts, by their hash; the texts themselves are not in it.'"
)
DELETE_CACHED: Final = f'DELETE FROM "{CACHE}" WHERE "TEXT_HASH" = ?'
CREATE_TEXTS: Final = (
    f'CREATE OR REPLACE TEMPORARY TABLE "{TEXTS}" ('
    '"POSITION" NUMBER(19, 0) NOT NULL, "TEXT_HASH" VARCHAR NOT NULL, "TEXT" VARCHAR NOT NULL)'
)
INSERT_TEXT: Final = f'INSERT INTO "{TEXTS}" ("POSITION", "TEXT_HASH", "TEXT") VALUES (?, ?, ?)'
SELECT_PENDING: Final = f'SELECT "POSITION", "TOKENS" FROM "{PENDING}" ORDER BY "POSITION"'


def create_pending(function: CortexFunction, *, counted: bool) -> str:
    """Make a table of the texts that the cache has no answer for.

    A count that fails gives null: no text has more tokens than characters.
    """
    tokens = 'COALESCE(AI_COUNT_TOKENS(\'ai_sentiment\', t."TEXT"), LENGTH(t."TEXT"))' if counted else "NULL"
    return (
        f'CREATE OR REPLACE TEMPORARY TABLE "{PENDING}" AS '
        f'SELECT t."POSITION", t."TEXT_HASH", t."TEXT", CAST({tokens} AS NUMBER(19, 0)) AS "TOKENS" FROM "{TEXTS}" t '
        f'WHERE NOT EXISTS (SELECT 1 FROM "{CACHE}" c WHERE c."TEXT_HASH" = t."TEXT_HASH" AND {_has_answer(function)})'
    )


def score(function: CortexFunction, first: int, last: int) -> str:
    """Ask for all pending texts at these positions and keep the answers, in one statement.

    An INSERT, because INSERTs do not wait for each other: days that are scored at once may both ask for a text.
    """
    return (
        f'INSERT INTO "{CACHE}" ("FUNCTION_NAME", "TEXT_HASH", "{function.answers}", "TOKENS", "SCORED_AT") '
        f'SELECT \'{function.name}\', "TEXT_HASH", {function.call}, "TOKENS", CURRENT_TIMESTAMP() FROM "{PENDING}" '
        f'WHERE "POSITION" BETWEEN {first} AND {last}'
    )


def select_answers(function: CortexFunction) -> str:
    return (
        f'SELECT t."TEXT_HASH", MIN(c."{function.answers}") FROM "{TEXTS}" t '
        f'JOIN "{CACHE}" c ON c."TEXT_HASH" = t."TEXT_HASH" WHERE {_has_answer(function)} GROUP BY t."TEXT_HASH"'
    )


def _has_answer(function: CortexFunction) -> str:
    return f'c."FUNCTION_NAME" = \'{function.name}\' AND c."{function.answers}" IS NOT NULL'
