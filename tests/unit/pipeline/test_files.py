"""What is no table is kept as files, whole or not at all, on any file system."""

from pathlib import Path

import pandas as pd
import pytest

from emotion_pipeline.engine.stages.tables import SENTIMENT_SCORES
from emotion_pipeline.warehouse.files import Files

DAY = "2026-11-02"


@pytest.fixture(params=["local", "memory"])
def files(request: pytest.FixtureRequest, tmp_path: Path) -> Files:
    return Files(root=str(tmp_path / "lake") if request.param == "local" else f"memory://{tmp_path.name}")


def test_a_refused_batch_is_held_until_a_good_one_comes(files: Files) -> None:
    refused = pd.DataFrame({"of": ["no", "contract"]})
    assert files.held(SENTIMENT_SCORES, DAY) is None
    files.hold(SENTIMENT_SCORES, DAY, refused)
    held = files.held(SENTIMENT_SCORES, DAY)
    assert held is not None
    pd.testing.assert_frame_equal(held, refused)
    files.release(SENTIMENT_SCORES, DAY)
    assert files.held(SENTIMENT_SCORES, DAY) is None


def test_an_audio_copy_is_kept_whole_or_not_at_all(files: Files) -> None:
    uri = files.audio_uri("ab" * 32)
    with pytest.raises(RuntimeError), files.audio_draft(uri) as draft:
        draft.write_bytes(b"half")
        raise RuntimeError("the writer fails")
    assert not files.has_audio(uri)
    with files.audio_draft(uri) as draft:
        draft.write_bytes(b"whole")
    with files.audio_file(uri) as path:
        assert path.read_bytes() == b"whole"


def test_checkpoints_are_read_until_they_are_cleared(files: Files) -> None:
    checkpoints = files.checkpoints("ab" * 32)
    assert checkpoints.read("window-0") is None
    checkpoints.write("window-0", "words")
    assert checkpoints.read("window-0") == "words"
    checkpoints.clear()
    assert checkpoints.read("window-0") is None


def test_only_the_silenced_copy_is_left_once_transcripts_name_it(files: Files) -> None:
    for recording_id in ("aa11", "bb22"):
        with files.audio_draft(files.audio_uri(recording_id)) as draft:
            draft.write_bytes(b"spoken")
    with files.audio_draft(files.silenced_uri("aa11")) as draft:
        draft.write_bytes(b"silent")
    with files.audio_file(files.audio_uri("aa11")) as path:
        assert path.read_bytes() == b"spoken", "until then the whole recording is there for another attempt"
    files.drop_unsilenced(["aa11", "bb22"])
    with files.audio_file(files.audio_uri("aa11")) as path:
        assert path.read_bytes() == b"silent"
    with files.audio_file(files.audio_uri("bb22")) as path:
        assert path.read_bytes() == b"spoken"
    assert files.has_audio(files.audio_uri("aa11"))
