"""What real runs leave to automation: nothing after a whole day, all that follows after one table."""

import dagster as dg
import pytest
from support.pipeline import Pipeline

from emotion_pipeline.engine.stages.tables import STORED

DAY = "2026-11-02"
MARTS = {"fct_segments", "fct_recordings", "daily_tone_sentiment", "tone_timeline", "fct_costs"}


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    pipeline = Pipeline(tmp_path_factory.mktemp("automation"))
    pipeline.drop_speech(DAY, "call.flac", seconds=4.0)
    return pipeline


@pytest.mark.full
def test_a_whole_day_leaves_nothing_to_follow_and_one_table_made_by_hand_is_followed(pipeline: Pipeline) -> None:
    with pipeline.instance() as instance:
        cursor = None

        def tick() -> set[str]:
            nonlocal cursor
            result = dg.evaluate_automation_conditions(pipeline.definitions, instance, cursor=cursor)
            cursor = result.cursor
            return {evaluation.key.to_user_string() for evaluation in result.results if evaluation.true_subset.size}

        tick()
        assert pipeline.run(DAY, job="daily_emotion").success
        assert tick() == set()
        assert tick() == set()

        assert pipeline.run(DAY, ["raw_audio"]).success
        followers = tick()
        assert followers == set(STORED) - {"raw_audio"}
        assert pipeline.run(DAY, sorted(followers)).success
        assert tick() == set(), "the marts wait until no table was made for a tick"
        asked = tick()
        assert asked >= MARTS, "and then all are built in one run"
        assert asked.isdisjoint(STORED)
        assert tick() == set()
