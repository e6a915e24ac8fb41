"""Every benchmark in a short form, so that none can rot; what they measure in full is `make bench`'s business."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from benchmarks.cross_fitted import measure as measure_cross_fitted
from benchmarks.growth import growth, measure
from benchmarks.long_audio import compare
from benchmarks.partitions import measure as measure_pages
from benchmarks.support.apart import apart
from benchmarks.support.many_calls import SEGMENTS, contract, write_marts
from benchmarks.transcribe import measure as measure_transcriber
from dashboard.serving import browser_program
from emotion_pipeline.engine.emotion.encoder_model import EncoderEmotionModel
from emotion_pipeline.engine.emotion.model import SHIPPED
from emotion_pipeline.training.text.data import LabelledTexts, read_labelled


@pytest.fixture
def manifest(shared_data: Path, tmp_path: Path) -> Path:
    """Two short sentences, one of them below ``read/``."""
    (tmp_path / "read").mkdir()
    for name, folder in (("LJ001-0002.flac", tmp_path / "read"), ("LJ001-0008.flac", tmp_path)):
        shutil.copyfile(shared_data / "speech" / "read" / name, folder / name)
    rows = (
        "read/LJ001-0002.flac\t1.90\tin being comparatively modern.\nLJ001-0008.flac\t1.78\thas never been surpassed.\n"
    )
    (tmp_path / "manifest.tsv").write_text(f"file\tseconds\treference\n{rows}", encoding="utf-8")
    return tmp_path / "manifest.tsv"


def run(repository: Path, name: str, *arguments: str | Path) -> str:
    command = [sys.executable, "-m", f"benchmarks.{name}", *map(str, arguments)]
    done = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_memory_does_not_grow_with_the_length_of_a_recording() -> None:
    figures = compare(long_s=900.0, short_s=60.0)
    assert figures["windows"] >= 3
    assert figures["difference_mb"] < 100.0
    assert figures["audio_seconds_per_second"] > 10.0


@pytest.mark.parametrize("days", [3, pytest.param(3_650, marks=pytest.mark.full)])
def test_no_page_of_dagster_waits_longer_than_seconds_for_its_days(tmp_path: Path, days: int) -> None:
    assert max(measure_pages(tmp_path, days).values()) < 5.0


def test_a_transcriber_is_measured_and_one_without_its_key_is_listed(manifest: Path, tmp_path: Path) -> None:
    measured = measure_transcriber("faster-whisper", "tiny.en", manifest, tmp_path)
    assert (measured.n, measured.note) == (2, "")
    assert measured.wer is not None
    assert measured.wer <= 0.2
    missing = measure_transcriber("assemblyai", "tiny.en", manifest, tmp_path)
    assert missing.wer is None
    assert "ASSEMBLYAI_API_KEY" in missing.note


@pytest.mark.full
def test_transcribers_are_measured_beside_peers_on_the_same_weights(
    repository: Path, manifest: Path, shared_data: Path
) -> None:
    short = ("--call-seconds", "10", "--clips", "2", "--noises", "1", "--data", shared_data, "--manifest", manifest)
    figures = json.loads(run(repository, "transcribe", *short))["transcribe"]
    back_ends = {row["backend"]: row for row in figures["back_ends"]}
    for name in ("faster-whisper", "openai-whisper", "transformers"):
        assert back_ends[name]["n"] == 2
        assert back_ends[name]["wer"] <= 0.2
        assert back_ends[name]["audio_seconds_per_second"] > 0
    ours, *peers = figures["peers"]
    assert len(peers) == len(figures["speed_ratios"]) == 4
    assert ours["invented_words"] == 0
    assert ours["call_wer"] <= 0.3


def test_words_on_two_channels_are_counted_once(repository: Path, shared_data: Path) -> None:
    mixes = ("--level=-3", "--level=-15", "--lag=-50", "--lag=120")
    figures = json.loads(run(repository, "two_channels", "--data", shared_data, "--seconds=0", *mixes))
    shares = figures["two_channels"]["all"]
    assert shares["words"] > 500
    assert shares["twice_percent"] <= 1.0
    assert shares["lost_percent"] <= 2.0


@pytest.mark.parametrize("clips", [3, pytest.param(40, marks=pytest.mark.full)])
def test_a_model_of_english_notices_other_languages(repository: Path, shared_data: Path, clips: int) -> None:
    figures = json.loads(run(repository, "languages", "--data", shared_data, "--clips", str(clips)))
    shares = {name: corpus["share"] for name, corpus in figures.items()}
    assert min(shares["emodb (German)"], shares["banglaser (Bangla)"]) >= (0.8 if clips > 3 else 0.6)
    assert max(shares["crema_d (English)"], shares["read (English)"]) <= (0.1 if clips > 3 else 0.4)


@pytest.mark.full
@pytest.mark.skipif(browser_program() is None, reason="there is no Chromium: apt-get install chromium")
def test_waits_for_the_dashboard_are_measured_in_a_browser(repository: Path) -> None:
    figures = json.loads(run(repository, "dashboard", "--calls", "150"))
    for visit in ("first_visit", "second_visit"):
        assert len(figures[visit]) == 5
        assert all(0 < page["first_paint_s"] <= page["drawn_s"] for page in figures[visit].values())
    assert len(figures["filters_s"]) == 3
    assert min(figures["filters_s"].values()) > 0


def test_generated_marts_have_the_columns_that_contracts_promise(tmp_path: Path) -> None:
    write_marts(tmp_path / "marts.duckdb", calls=3)
    with duckdb.connect(str(tmp_path / "marts.duckdb"), read_only=True) as marts:
        assert marts.execute("select count(*) from fct_segments").fetchone() == (3 * SEGMENTS,)
        for (name,) in marts.execute("select table_name from duckdb_tables()").fetchall():
            columns = [column["name"] for column in contract(name)]
            assert [row[0] for row in marts.execute(f"describe {name}").fetchall()] == columns


@pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="espeak-ng is not installed; it says the sentences")
def test_sentences_are_judged_as_they_are_heard(repository: Path) -> None:
    figures = json.loads(run(repository, "spoken_conversation", "--sentences", "12"))
    assert 0 < figures["wer"] < 0.5
    assert figures["recognised"]["n"] == figures["written"]["n"] >= 12
    assert figures["recognised"]["base"] >= 0.5


def test_halves_are_drawn_several_times_and_models_measured_as_one(shared_data: Path) -> None:
    rows = read_labelled(shared_data / "goemotions" / "dev.tsv", shared_data / "goemotions" / "labels.txt")
    few = LabelledTexts(rows.texts[::20], rows.labels[::20])
    model = EncoderEmotionModel.load(SHIPPED)
    alone = measure_cross_fitted([model], few, draws=2)
    mean, least, most = alone["written"]["base_accuracy"]
    assert 0.6 < least <= mean <= most < 1.0
    assert measure_cross_fitted([model, model], few, draws=2)["written"] == alone["written"]


@pytest.mark.full
def test_the_service_answers_texts_and_recordings_without_errors(repository: Path) -> None:
    figures = json.loads(run(repository, "api", "--seconds", "2"))
    assert figures["errors"] == 0
    assert figures["text_requests_per_minute"] > 0
    assert figures["audio_requests"] >= figures["audio_users"]
    assert figures["paced_audio_p95_ms"] > 0


@pytest.mark.full
def test_a_mixed_load_is_watched_for_errors_and_memory(repository: Path) -> None:
    figures = json.loads(run(repository, "api", "--soak", "10"))
    assert figures["errors"] == 0
    assert figures["memory_growth_mb"] < 200


@pytest.mark.full
def test_days_in_the_queue_survive_a_killed_run_and_a_day_of_broken_files(repository: Path) -> None:
    sizes = {"days": 3, "recordings": 1, "seconds": 3, "single-seconds": 3, "at-once": 2}
    figures = json.loads(run(repository, "backfill", *(f"--{name}={value}" for name, value in sizes.items())))
    assert figures["faults"] == []
    assert len(figures["killed"]) == 1
    assert figures["runs_that_failed"] >= 2, "the killed one and the bad day"
    assert (figures["exit_code"], figures["runs"] > sizes["days"]) == (1, True), "the killed one ran again"
    assert figures["one_new_file_recordings_computed"] == figures["one_new_file_transcripts_computed"] == 1
    assert 0.0 < figures["overhead_share"] < 1.0


def test_growth_is_what_one_more_costs_late_over_what_it_costs_early() -> None:
    sizes = (10, 100, 1000)
    assert growth(sizes, (1.0, 1.9, 10.9)) == 1.0, "a hundredth each, all the way"
    assert growth(sizes, (1.0, 1.9, 19.9)) == 2.0
    assert growth(sizes, (1.0, 0.99, 1.44)) == 0.45, "hardly any cost: the first rise counts as 0.1"
    assert growth(sizes, (1.0, 1.2, 1.1)) == 0.0, "cheaper"


@pytest.mark.full
def test_a_lake_of_many_days_is_measured() -> None:
    costs = apart(measure, "days", 2)
    assert len(costs) == 7
    assert all(value > 0.0 for value in costs.values())
