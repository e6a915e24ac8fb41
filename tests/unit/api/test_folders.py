"""Files of jobs: what a killed process left behind is removed, what is still needed stays."""

import os
import time
from pathlib import Path

from emotion_pipeline.api.folders import Folders


def _file(path: Path, age_s: float = 0.0) -> Path:
    path.write_bytes(b"recording")
    os.utime(path, (time.time() - age_s, time.time() - age_s))
    return path


def test_files_of_ended_jobs_are_removed_at_once(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    upload, work = _file(folders.uploads / "ended.wav"), folders.work("ended")
    _file(work / "words.json")
    assert folders.remove_abandoned({}, {"ended": "ended.wav"}) == 2
    assert not upload.exists()
    assert not work.exists()


def test_files_of_unfinished_jobs_stay(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    upload, work = _file(folders.uploads / "waiting.wav", 7_200), folders.work("waiting")
    assert folders.remove_abandoned({"waiting": "waiting.wav"}, {}) == 0
    assert upload.exists()
    assert work.exists()


def test_an_upload_without_a_job_is_removed_when_it_is_old(tmp_path: Path) -> None:
    folders = Folders(tmp_path)
    arriving, abandoned = _file(folders.uploads / "arriving.wav"), _file(folders.uploads / "abandoned.wav", 7_200)
    assert folders.remove_abandoned({}, {}) == 1
    assert arriving.exists()
    assert not abandoned.exists()
