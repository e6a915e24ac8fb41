"""What real runs leave to automation: nothing after a whole day, all that follows after one table."""

import dagster as dg
import pytest
from support.pipeline import Pipeline

DAY = "2026-11-02"


@pytest.fixture(scope="module")
def pipeline(tmp_path_factory: pytest.TempPathFactory) -> Pipeline:
    pipeline = Pipeline(tmp_path_factory.mktemp("automation"))
    pipeline.drop_speech(DAY, "call.flac", seconds=4.0)
    return pipeline


def test_a_whole_day_leaves_nothing_to_follow_and_one_table_made_by_hand_is_followed(pipeline: Pipeline) -> None:
    with pipeline.instance() as instance:
        before = dg.evaluate_automation_conditions(pipeline.definitions, instance)
        assert pipeline.run(DAY, job="daily_emotion").success
        whole_day = dg.evaluate_automation_conditions(pipeline.definitions, instance, cursor=before.cursor)
        assert whole_day.total_requested == 0
        assert pipeline.run(DAY, ["raw_audio"]).success
        by_hand = dg.evaluate_automation_conditions(pipeline.definitions, instance, cursor=whole_day.cursor)
    asked = {one.key.to_user_string() for one in by_hand.results if one.true_subset.size}
    assert {"transcripts", "tone_sentiment", "daily_tone_sentiment"} <= asked
    assert "raw_audio" not in asked
