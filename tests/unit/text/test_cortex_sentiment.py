"""Sentiment from Snowflake Cortex, through the real connector: asked once per text, inside a budget, rows kept."""

import math
from collections.abc import Iterator
from datetime import date
from functools import partial

import pandas as pd
import pytest
from support.cortex_server import POISON, TOKENS_OF_PROMPT, CortexServer, connect_to_nobody

from emotion_pipeline.checks.rules import RULES
from emotion_pipeline.engine.common.errors import BackendUnavailableError
from emotion_pipeline.engine.sentiment.base import Sentiment, SentimentOptions, TextNotScoredError
from emotion_pipeline.engine.sentiment.cortex import CortexSentiment, TokenBudgetError
from emotion_pipeline.engine.sentiment.cortex_statements import CACHE
from emotion_pipeline.engine.sentiment.registry import load_sentiment
from emotion_pipeline.engine.stages.sentiment_scores import score_sentiment
from emotion_pipeline.engine.stages.tables import SENTIMENT_SCORES
from emotion_pipeline.schema.conform import conform

DUTCH = "het is niet goed maar ik ben ook heel blij voor jij"
GERMAN = "das ist nicht positive aber ich bin sehr froh"
UNSUPPORTED = Sentiment(None, "language_not_supported")
REFUSED = Sentiment(None, "refused")


@pytest.fixture(scope="module")
def running() -> Iterator[CortexServer]:
    with CortexServer() as server:
        yield server


@pytest.fixture
def schema(running: CortexServer) -> str:
    made = running.create_schema()
    running.forget()
    return made


def backend(server: CortexServer, schema: str, name: str = "cortex", max_tokens: int | None = None) -> CortexSentiment:
    options = SentimentOptions(partial(server.connect_in, schema), None, max_tokens)
    made = load_sentiment(name, options=options)
    assert isinstance(made, CortexSentiment)
    return made


def cached(server: CortexServer, schema: str) -> pd.DataFrame:
    with server.connect_in(schema) as connection, connection.cursor() as cursor:
        cursor.execute(f'SELECT * FROM "{CACHE}"')
        return pd.DataFrame(cursor.fetchall(), columns=[column.name for column in cursor.description])


def segments(*texts: str) -> pd.DataFrame:
    common = {"recording_date": date(2026, 11, 2), "recording_id": "r", "language": "en"}
    return pd.DataFrame([common | {"segment_id": f"s{n}", "text": text} for n, text in enumerate(texts)])


def test_texts_that_are_erased_leave_the_cache(running: CortexServer, schema: str) -> None:
    asked = backend(running, schema)
    asked.score(["I am happy", "I am sad"])
    asked.forget(["I am happy", "never asked"])
    assert len(cached(running, schema)) == 1


def test_all_texts_are_scored_by_one_statement_and_each_once(running: CortexServer, schema: str) -> None:
    texts = ["a good day", "a bad day", "a day", "a good day", "it's; DROP TABLE x -- good \\' 😀", ""]
    assert [sentiment.score for sentiment in backend(running, schema).sentiments(texts)] == [
        0.75,
        -0.5,
        0.0,
        0.75,
        0.75,
        0.0,
    ]
    assert len(running.scoring) == 1
    assert sorted(running.asked) == sorted(("SENTIMENT", text) for text in {*texts} - {""})
    assert len(running.executed) == 7, "what a day costs does not grow with its texts"


def test_what_was_scored_is_not_asked_again_by_anybody(running: CortexServer, schema: str) -> None:
    backend(running, schema).sentiments(["a good day", "a bad day"])
    running.forget()
    again = backend(running, schema).sentiments(["a bad day", "one more good day", "a good day"])
    assert [sentiment.score for sentiment in again] == [-0.5, 0.75, 0.75]
    assert running.asked == [("SENTIMENT", "one more good day")]
    running.forget()
    assert backend(running, schema).sentiments(["one more good day"]) == [Sentiment(0.75)]
    assert running.asked == running.scoring == []


def test_a_text_without_words_needs_no_connection(running: CortexServer, schema: str) -> None:
    assert backend(running, schema).sentiments(["", " \n"]) == [Sentiment(0.0), Sentiment(0.0)]
    assert running.executed == []


def test_the_cache_holds_hashes_and_no_words(running: CortexServer, schema: str) -> None:
    backend(running, schema, max_tokens=1_000).sentiments(["a good day"])
    [row] = cached(running, schema).to_dict("records")
    assert (row["FUNCTION_NAME"], row["SCORE"], row["TOKENS"]) == ("SENTIMENT", 0.75, TOKENS_OF_PROMPT + 3)
    assert len(row["TEXT_HASH"]) == 64
    assert "day" not in str(row)


def test_another_function_has_answers_of_its_own(running: CortexServer, schema: str) -> None:
    text = "a positive and good thing"
    assert backend(running, schema).sentiments([text]) == [Sentiment(0.75)]
    assert backend(running, schema, "cortex-ai").sentiments([text]) == [Sentiment(1.0)]
    assert {function for function, _ in running.asked} == {"SENTIMENT", "AI_SENTIMENT"}


def test_labels_become_numbers(running: CortexServer, schema: str) -> None:
    texts = ["positive", "negative", "neutral", "mixed", "unknown"]
    judged = backend(running, schema, "cortex-ai").sentiments(texts)
    assert judged == [Sentiment(1.0), Sentiment(-1.0), Sentiment(0.0), Sentiment(0.0), REFUSED]
    assert len(running.scoring) == 1


@pytest.mark.parametrize(
    ("name", "unsupported"),
    [("cortex", [DUTCH, GERMAN, "что это такое", "यह बहुत अच्छा है"]), ("cortex-ai", [DUTCH, "что это такое"])],
)
def test_a_text_in_a_language_that_the_function_does_not_read_stays_here(
    running: CortexServer, schema: str, name: str, unsupported: list[str]
) -> None:
    supported = ["this is a good and positive thing", *({GERMAN, "यह positive है"} if name == "cortex-ai" else ())]
    judged = backend(running, schema, name).sentiments([*unsupported, *supported])
    assert judged[: len(unsupported)] == [UNSUPPORTED] * len(unsupported)
    assert all(sentiment.score is not None for sentiment in judged[len(unsupported) :])
    assert {text for _, text in running.asked} == set(supported)


def test_a_text_that_the_function_fails_on_costs_the_others_nothing(running: CortexServer, schema: str) -> None:
    texts = [f"good {n}" for n in range(8)]
    texts[5] = f"{POISON} 5"
    judged = backend(running, schema).sentiments(texts)
    assert [sentiment.score for sentiment in judged] == [0.75] * 5 + [None] + [0.75] * 2
    assert judged[5] == REFUSED
    assert len(running.scoring) == 1 + 2 * 3, "the batch is halved three times"


def test_a_text_without_an_answer_is_asked_again_next_time(running: CortexServer, schema: str) -> None:
    rows = score_sentiment(segments("nothing to be said", "positive"), None, backend(running, schema, "cortex-ai")).rows
    assert rows["reason"].tolist() == ["refused", None]
    assert math.isnan(rows["sentiment_score"][0])
    running.forget()
    again = score_sentiment(segments("nothing to be said", "positive"), rows, backend(running, schema, "cortex-ai"))
    assert (again.computed, again.reused) == (1, 1)
    assert running.asked == [("AI_SENTIMENT", "nothing to be said")]


def test_a_function_that_refuses_everything_is_said_to_be_unavailable(running: CortexServer, schema: str) -> None:
    with pytest.raises(BackendUnavailableError, match="refuses every text"):
        backend(running, schema).sentiments([f"{POISON} {n}" for n in range(40)])
    assert len(running.scoring) == 50


def test_a_row_has_a_score_or_a_reason(running: CortexServer, schema: str) -> None:
    rows = score_sentiment(segments("a good day", DUTCH), None, backend(running, schema)).rows
    conform(rows, SENTIMENT_SCORES)
    [rule] = RULES["sentiment_scores"]
    assert rule.holds(rows).all()
    assert rule.holds(rows.assign(reason=None)).tolist() == [True, False]
    assert rule.holds(rows.assign(reason="refused")).tolist() == [False, True]


def test_a_budget_stops_before_it_is_spent_and_the_next_run_goes_on(running: CortexServer, schema: str) -> None:
    texts = [f"good number {n}" for n in range(5)]
    each = TOKENS_OF_PROMPT + 3
    small = backend(running, schema, max_tokens=2 * each)
    with pytest.raises(
        TokenBudgetError, match=r"5 texts .* 65 tokens .*max_tokens allows 26.* 2 were scored"
    ) as caught:
        small.sentiments(texts)
    assert "Run it again" in str(caught.value)
    assert [call for call in running.asked if call[0] == "SENTIMENT"] == [("SENTIMENT", text) for text in texts[:2]]
    with pytest.raises(TokenBudgetError, match=r"3 texts .* 39 tokens"):
        small.sentiments(texts)
    assert [sentiment.score for sentiment in small.sentiments(texts)] == [0.75] * 5
    assert [text for function, text in running.asked if function == "SENTIMENT"] == texts


def test_a_budget_that_no_text_fits_into_says_how_much_the_first_one_needs(running: CortexServer, schema: str) -> None:
    with pytest.raises(TokenBudgetError, match=r"first alone needs 13: raise sentiment\.max_tokens"):
        backend(running, schema, max_tokens=5).sentiments(["a good day"])
    assert running.scoring == []


def test_where_every_text_must_have_a_score_the_one_without_is_named(running: CortexServer, schema: str) -> None:
    options = SentimentOptions(partial(running.connect_in, schema))
    made = load_sentiment("cortex", options=options)
    assert made.score(["a good day"]) == [0.75]
    with pytest.raises(TextNotScoredError, match=r"text 2 .*language"):
        made.score(["a good day", DUTCH])


def test_a_schema_is_chosen_and_one_that_is_not_there_is_named(running: CortexServer, schema: str) -> None:
    connect = partial(running.connect_in, schema)
    with running.connect() as connection, connection.cursor() as cursor:
        cursor.execute(f"create schema {schema.partition('.')[0]}.SHARED")
    elsewhere = SentimentOptions(connect, f"{schema.partition('.')[0]}.SHARED")
    assert load_sentiment("cortex", options=elsewhere).score(["a good day"]) == [0.75]
    assert len(cached(running, f"{schema.partition('.')[0]}.SHARED")) == 1
    with pytest.raises(BackendUnavailableError, match="NOWHERE"):
        load_sentiment("cortex", options=SentimentOptions(connect, "NOWHERE")).score(["a good day"])


def test_without_a_way_to_snowflake_the_back_end_says_what_to_set() -> None:
    with pytest.raises(BackendUnavailableError, match="SNOWFLAKE_ACCOUNT"):
        load_sentiment("cortex")


def test_a_login_that_fails_and_a_server_that_is_gone_are_told_without_the_password(
    running: CortexServer, schema: str
) -> None:
    running.refuses_logins = True
    try:
        with pytest.raises(BackendUnavailableError, match="SNOWFLAKE_") as caught:
            backend(running, schema).sentiments(["a good day"])
    finally:
        running.refuses_logins = False
    assert "l0velace" not in repr(caught.value)

    options = SentimentOptions(connect_to_nobody)
    with pytest.raises(BackendUnavailableError, match="does not answer"):
        load_sentiment("cortex", options=options).score(["a good day"])


def test_the_fingerprint_names_the_function_and_is_known_without_a_connection() -> None:
    options = SentimentOptions(lambda: pytest.fail("nobody asked"))
    plain, labelled = (load_sentiment(name, options=options).fingerprint for name in ("cortex", "cortex-ai"))
    assert plain.startswith("cortex:SENTIMENT:unversioned:")
    assert labelled.startswith("cortex:AI_SENTIMENT:unversioned:")


def test_any_text_can_be_sent(running: CortexServer, schema: str) -> None:
    texts = ["\ud800 good", "\x00good", "good " * 5_000, "'", '"good"', "%s ? good"]
    assert [sentiment.score for sentiment in backend(running, schema).sentiments(texts)] == [
        0.75,
        0.75,
        0.75,
        0.0,
        0.75,
        0.75,
    ]
