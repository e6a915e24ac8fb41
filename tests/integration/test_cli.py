"""``emotion-clf`` as a user types it: what it prints, what it writes, and the code that it exits with."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import srt
from support.pipeline import Pipeline
from support.site import Site
from typer.main import get_command
from typer.testing import CliRunner, Result

from emotion_pipeline.cli.app import app
from emotion_pipeline.engine.audio.decode import decode
from emotion_pipeline.engine.audio.encode import encode_flac
from emotion_pipeline.engine.common.types import SAMPLE_RATE
from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.emotion.taxonomy import LABELS

COMMAND = Path(sys.executable).with_name("emotion-clf")
CONTRACT = [
    "file",
    "emotion",
    "emotion_score",
    "transcript",
    "sentiment_score",
    "tone_sentiment_match",
    "segments",
    "status",
    "reasons",
    "detail",
    "speakers",
    "metrics",
]


def _run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def _lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def _process(*arguments: str | Path, folder: Path, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the installed command in a process of its own, in a folder without a config.yaml."""
    command = [str(COMMAND), *(str(argument) for argument in arguments)]
    environment = {**os.environ, **variables}
    return subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False, timeout=120
    )


def _shell(command: str, folder: Path, texts: str) -> subprocess.CompletedProcess[str]:
    """Run a line of bash that reads texts."""
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, input=texts, capture_output=True, text=True, check=False, timeout=120
    )


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings of whoever runs the tests decide nothing here."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("EMOTION_TRANSCRIPTION__THREADS", "1")


@pytest.fixture(scope="module")
def recordings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a short call and an upload that went wrong."""
    pipeline = Pipeline(tmp_path_factory.mktemp("cli"))
    pipeline.drop_speech("2026-11-02", "call.flac", seconds=4.0)
    pipeline.drop("2026-11-02", "broken.wav", b"RIFF")
    pipeline.drop("2026-11-02", "notes.txt", b"not a recording")
    return pipeline.folder / "recordings" / "2026-11-02"


@pytest.fixture(scope="module")
def whole_folder(recordings: Path) -> Result:
    """What ``--dir --json`` says of that folder, asked once."""
    return _run("predict", "--dir", recordings, "--json")


class TestPredictingTexts:
    def test_each_text_is_one_json_object_a_line_with_what_the_predictor_says(self) -> None:
        texts = ["I am so happy for you!", "This is a disgrace, [I] am furious."]
        result = _run("predict", "--text", texts[0], "--text", texts[1], "--json")
        assert result.exit_code == 0
        rows = _lines(result)
        assert [row["text"] for row in rows] == texts
        expected = EmotionPredictor().predict(texts)
        assert [row["base"] for row in rows] == [emotion.base for emotion in expected] == ["Happiness", "Anger"]
        assert [row["base_probability"] for row in rows] == [emotion.base_probability for emotion in expected]
        assert [row["sentiment_score"] > 0 for row in rows] == [True, False]

    def test_square_brackets_of_a_text_are_shown_as_they_are(self) -> None:
        texts = ("a [/note] here", "and [red]there[/red]")
        result = _run("predict", "--text", texts[0])
        assert result.exit_code == 0, result.output
        assert texts[0] in result.stdout
        both = _run("predict", *(word for text in texts for word in ("--text", text)))
        assert "[/note]" in both.stdout
        assert "[red]" in both.stdout

    def test_without_json_people_get_a_table(self) -> None:
        result = _run("predict", "--text", "hello")
        assert result.exit_code == 0
        assert "Neutral" in result.stdout or "Neutr…" in result.stdout
        assert "│" in result.stdout

    @pytest.mark.parametrize("arguments", [[], ["--text", "-"]])
    def test_texts_are_read_from_standard_input_one_a_line(self, arguments: list[str]) -> None:
        piped = "Exciting news!\r\n\nThis is a disgrace.\u2028I am furious.".encode()
        result = CliRunner().invoke(app, ["predict", *arguments, "--json"], input=piped)
        assert result.exit_code == 0, result.output
        rows = _lines(result)
        assert [row["text"] for row in rows] == ["Exciting news!", "", "This is a disgrace.\u2028I am furious."]
        assert [row["base"] for row in rows] == ["Happiness", "Neutral", "Anger"]

    def test_standard_input_that_is_no_text_is_wrong_use(self) -> None:
        result = CliRunner().invoke(app, ["predict"], input=b"caf\xe9")
        assert result.exit_code == 2
        assert "byte 3" in result.output


class TestPredictingRecordings:
    def test_a_recording_is_one_object_with_the_documented_keys(self, recordings: Path) -> None:
        result = _run("predict", "--file", recordings / "call.flac", "--json")
        assert result.exit_code == 0
        (row,) = _lines(result)
        assert list(row) == CONTRACT
        assert row["file"] == str(recordings / "call.flac")
        assert (row["status"], row["reasons"]) == ("accepted", ["shorter_than_30_s"])
        assert row["transcript"]
        assert 0 < row["emotion_score"] <= 1
        assert -1 <= row["sentiment_score"] <= 1
        assert row["tone_sentiment_match"] in {"Match", "Do Not Match", "Unknown"}
        spoken = sorted(" ".join(segment["transcript"] for segment in row["segments"]).split())
        assert spoken == sorted(row["transcript"].split())
        assert all(0 <= segment["start"] < segment["end"] <= 4.0 for segment in row["segments"])

    def test_a_rejected_file_is_printed_with_its_reason_and_the_exit_code_is_1(self, recordings: Path) -> None:
        result = _run("predict", "--file", recordings / "broken.wav", "--json")
        assert result.exit_code == 1
        (row,) = _lines(result)
        assert list(row) == CONTRACT
        assert (row["status"], row["reasons"], row["segments"]) == ("rejected", ["unreadable"], [])

    def test_a_folder_is_every_recording_in_it_the_bad_one_included(self, whole_folder: Result) -> None:
        assert whole_folder.exit_code == 1, "one of the files was rejected"
        rows = _lines(whole_folder)
        assert [(row["file"], row["status"]) for row in rows] == [("broken.wav", "rejected"), ("call.flac", "accepted")]
        assert rows[1]["transcript"]
        assert rows[0]["detail"].startswith("not a readable audio or video file")
        assert rows[1]["detail"] is None

    def test_files_of_a_folder_that_are_no_recordings_are_left_out_and_named(self, tmp_path: Path) -> None:
        for name in ("Thumbs.db", "offer.pdf"):
            (tmp_path / name).write_bytes(b"\xd0\xcf\x11\xe0 no sound at all")
        result = _run("predict", "--dir", tmp_path, "--json")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "no recordings, left out: Thumbs.db, offer.pdf" in result.stderr

    def test_an_address_is_fetched_and_analysed_like_a_file(
        self, recordings: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EMOTION_SOURCES__ALLOWED_NETWORKS", '["127.0.0.1/32"]')
        with Site() as site:
            site.answers["/call.flac"] = (recordings / "call.flac").read_bytes()
            result = _run("predict", "--url", site.address("/call.flac?token=hunter2"), "--json")
        assert result.exit_code == 0
        (row,) = _lines(result)
        assert list(row) == CONTRACT
        assert row["status"] == "accepted"
        assert (
            row["transcript"] == _lines(_run("predict", "--file", recordings / "call.flac", "--json"))[0]["transcript"]
        )
        assert "hunter2" not in result.output

    def test_an_address_that_cannot_be_had_is_a_row_with_its_reason(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("EMOTION_SOURCES__ALLOWED_NETWORKS", '["127.0.0.1/32"]')
        with Site() as site:
            result = _run("predict", "--url", site.address("/gone.flac"), "--json")
        assert result.exit_code == 1
        (row,) = _lines(result)
        assert (row["status"], row["reasons"], row["transcript"]) == ("rejected", ["not_found"], None)

    def test_an_address_in_a_private_network_is_refused_unless_it_is_named(self) -> None:
        with Site() as site:
            result = _run("predict", "--url", site.address("/call.flac"), "--json")
            assert site.requests == []
        assert result.exit_code == 1
        assert _lines(result)[0]["reasons"] == ["blocked_address"]

    def test_an_address_that_nothing_reads_is_an_error_that_says_what_is_read(self, tmp_path: Path) -> None:
        done = _process("predict", "--url", "gopher://example.org/call.wav", folder=tmp_path)
        assert done.returncode == 1
        assert "nothing here reads gopher://" in done.stderr
        assert "Traceback" not in done.stderr

    @pytest.mark.parametrize("suffix", [".csv", ".parquet", ".jsonl"])
    def test_the_result_can_be_written_to_a_file(self, recordings: Path, tmp_path: Path, suffix: str) -> None:
        output = tmp_path / "out" / f"result{suffix}"
        output.parent.mkdir()
        result = _run("predict", "--file", recordings / "broken.wav", "--output", output)
        assert result.exit_code == 1
        readers = {
            ".csv": pd.read_csv,
            ".parquet": pd.read_parquet,
            ".jsonl": lambda path: pd.read_json(path, lines=True),
        }
        frame = readers[suffix](output)
        assert frame.columns.tolist() == CONTRACT
        assert frame["status"].tolist() == ["rejected"]
        assert list(output.parent.iterdir()) == [output], "nothing half-written stays"

    def test_subtitles_have_the_words_of_the_json_and_lie_inside_the_recording(
        self, recordings: Path, tmp_path: Path
    ) -> None:
        output = tmp_path / "call.srt"
        options = ("predict", "--file", recordings / "call.flac")
        assert _run(*options, "--format", "srt", "--output", output).exit_code == 0
        [row] = _lines(_run(*options, "--format", "json"))
        cues = list(srt.parse(output.read_text(encoding="utf-8")))
        assert " ".join(cue.content.split(": ", 1)[1] for cue in cues) == row["transcript"]
        assert cues[-1].end.total_seconds() <= row["metrics"]["recording_seconds"]
        assert [speaker["speaker"] for speaker in row["speakers"]] == ["speaker_1"]

    def test_subtitles_of_a_folder_go_into_a_folder(self, recordings: Path, tmp_path: Path) -> None:
        refused = _run("predict", "--dir", recordings, "--format", "vtt")
        assert refused.exit_code == 2
        done = _run("predict", "--dir", recordings, "--format", "vtt", "--output", tmp_path)
        assert done.exit_code == 1, "one of them is broken"
        assert "broken.wav" in done.stderr
        assert (tmp_path / "call.vtt").read_text(encoding="utf-8").startswith("WEBVTT")

    def test_lists_in_a_csv_file_are_json(self, tmp_path: Path) -> None:
        output = tmp_path / "result.csv"
        assert _run("predict", "--text", "Exciting news!", "--output", output).exit_code == 0
        row = pd.read_csv(output).iloc[0]
        assert "excitement" in json.loads(row["labels"])
        assert json.loads(row["base_probabilities"])["Happiness"] == row["base_probability"]

    def test_a_spreadsheet_runs_no_cell_of_a_csv_file(self, tmp_path: Path) -> None:
        texts = ['=HYPERLINK("http://example.org")', "+1 to that", "-2 for me", "@SUM(A1)", "\tindented", "fine"]
        options = [word for text in texts for word in ("--text", text)]
        safe, raw = tmp_path / "safe.CSV", tmp_path / "raw.csv"
        assert _run("predict", *options, "--output", safe).exit_code == 0
        assert _run("predict", *options, "--output", raw, "--raw-csv").exit_code == 0
        assert pd.read_csv(safe)["text"].tolist() == [*(f"'{text}" for text in texts[:-1]), "fine"]
        assert pd.read_csv(raw)["text"].tolist() == texts

    def test_segments_survive_in_a_parquet_file(self, recordings: Path, tmp_path: Path) -> None:
        output = tmp_path / "result.parquet"
        assert _run("predict", "--file", recordings / "call.flac", "--output", output).exit_code == 0
        row = pd.read_parquet(output).iloc[0]
        assert [segment["transcript"] for segment in row["segments"]]


class TestAFolderThatWasInterrupted:
    """``--dir`` with ``--output``, killed after the first recording and given again."""

    def test_it_goes_on_where_it_was_and_writes_the_same_file(self, recordings: Path, tmp_path: Path) -> None:
        folder, killed, undisturbed = tmp_path / "day", tmp_path / "killed.jsonl", tmp_path / "undisturbed.jsonl"
        shutil.copytree(recordings, folder)
        for seconds in (3.0, 2.0):
            shortened = decode(folder / "call.flac", keep_channels=True)[:, : int(seconds * SAMPLE_RATE)]
            encode_flac(shortened, folder / f"shortened to {seconds:g} s.flac")

        finished = self._kill_after_the_first(folder, killed)
        assert not killed.exists()
        assert _run("predict", "--dir", folder, "--output", killed).exit_code == 1, "one of them is broken"
        assert _run("predict", "--dir", folder, "--output", undisturbed).exit_code == 1
        assert killed.read_bytes() == undisturbed.read_bytes()
        rows = [json.loads(line) for line in killed.read_text(encoding="utf-8").splitlines()]
        assert [row["status"] for row in rows] == ["rejected", *["accepted"] * 3]
        assert 1 <= finished < 3
        assert sorted(tmp_path.iterdir()) == [folder, killed, undisturbed], "what was kept meanwhile is gone"

    @staticmethod
    def _kill_after_the_first(folder: Path, output: Path) -> int:
        """Start the command and kill it; return how many recordings it had finished."""
        results = output.with_name(f".{output.name}.work") / "results"
        command = [str(COMMAND), "predict", "--dir", str(folder), "--output", str(output)]
        with subprocess.Popen(command, cwd=folder.parent) as process:
            while not (results.is_dir() and list(results.glob("*.json"))):
                assert process.poll() is None, "it ended before it could be killed"
                time.sleep(0.01)
            process.kill()
        return len(list(results.glob("*.json")))


def test_a_command_that_loaded_a_compiler_ends_without_a_page_of_leaks() -> None:
    pytest.importorskip("triton", reason="this build of torch has no compiler")
    script = "import sys, triton; from emotion_pipeline.cli.app import main; sys.argv[1:] = ['--help']; main()"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stderr == ""


class TestWrongUse:
    def test_an_output_of_an_unknown_kind_is_refused_before_any_work(self, recordings: Path, tmp_path: Path) -> None:
        result = _run("predict", "--file", recordings / "call.flac", "--output", tmp_path / "result.xlsx")
        assert result.exit_code == 2
        assert ".parquet" in result.output
        assert "analysing" not in result.output
        assert list(tmp_path.iterdir()) == []

    @pytest.mark.parametrize(
        ("output", "reason"),
        [
            ("nowhere/result.csv", "nowhere is not a folder"),
            ("folder.csv", "folder.csv is a folder"),
            ("/sys/kernel/result.csv", "/sys/kernel cannot be written to"),
        ],
    )
    def test_a_place_that_cannot_be_written_is_one_line_before_anything_is_analysed(
        self, recordings: Path, tmp_path: Path, output: str, reason: str
    ) -> None:
        (tmp_path / "folder.csv").mkdir()
        done = _process("predict", "--file", recordings / "call.flac", "--output", output, folder=tmp_path)
        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith(f"error: {reason}")

    def test_a_folder_for_a_model_that_cannot_be_made_is_refused_before_training(self, tmp_path: Path) -> None:
        (tmp_path / "file").write_bytes(b"")
        done = _process("train", "tone", "--manifest", "nowhere.csv", "--output", "file/model", folder=tmp_path)
        assert done.returncode == 1
        assert done.stderr.startswith("error: file/model cannot be made")

    def test_a_disk_that_fills_up_keeps_what_is_done(self, tmp_path: Path) -> None:
        output, work = tmp_path / "result.jsonl", tmp_path / ".result.jsonl.work"
        work.mkdir()
        limited = f"ulimit -f 64; exec {COMMAND} predict --text - --output result.jsonl"  # blocks of 1,024 bytes
        done = _shell(limited, tmp_path, "hello\n" * 200)
        assert done.returncode == 1
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("error: result.jsonl cannot be written: File too large; what is done is kept")
        assert sorted(tmp_path.iterdir()) == [work], f"{output} is whole or not there"

    def test_a_full_device_is_one_line_and_a_reader_that_left_is_none(self, tmp_path: Path) -> None:
        command = f"{COMMAND} predict --text - --json"
        for shell, code, lines in (("> /dev/full", 1, 1), ("| head -n 1 > /dev/null; exit ${PIPESTATUS[0]}", 0, 0)):
            done = _shell(f"{command} {shell}", tmp_path, "hello\n" * 600)
            assert (done.returncode, len(done.stderr.splitlines())) == (code, lines), done.stderr

    def test_texts_and_recordings_together_are_wrong_use(self) -> None:
        result = _run("predict", "--text", "hello", "--file", "call.flac")
        assert result.exit_code == 2
        assert "--text and --file exclude each other" in result.output

    def test_nothing_to_analyse_is_no_failure(self, tmp_path: Path) -> None:
        (tmp_path / "empty").mkdir()
        result = _run("predict", "--dir", tmp_path / "empty")
        assert (result.exit_code, result.stdout) == (0, "")
        assert "no recordings in" in result.stderr
        result = _run("predict", "--json")
        assert (result.exit_code, result.stderr) == (0, "standard input is empty; nothing to do\n")

    @pytest.mark.parametrize("text", ["", " ", "\u200b"])
    def test_a_text_that_says_nothing_is_answered_with_a_notice(self, text: str) -> None:
        [row] = _lines(_run("predict", "--text", text, "--json"))
        assert (row["base"], row["uncertain"], row["notices"]) == ("Neutral", True, ["empty"])

    @pytest.mark.parametrize(
        "content",
        [
            b'storage: {root: "x',
            b"storage:\n\troot: x\n",
            b"- storage\n",
            b"[ab]\n",
            b"hello\n",
            b"1: 2\n",
            b"# caf\xe9\n",
        ],
    )
    def test_a_configuration_that_cannot_be_read_is_one_line(self, tmp_path: Path, content: bytes) -> None:
        (tmp_path / "config.yaml").write_bytes(content)
        done = _process("predict", "--text", "hello", folder=tmp_path)
        assert (done.returncode, done.stdout) == (1, "")
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("error: config.yaml ")

    def test_an_unknown_backend_is_one_line_that_names_those_that_exist(self, recordings: Path, tmp_path: Path) -> None:
        done = _process(
            "predict", "--file", recordings / "broken.wav", folder=tmp_path, EMOTION_TONE__BACKEND="acustic"
        )
        assert done.returncode == 1
        assert done.stdout == ""
        (line,) = done.stderr.strip().splitlines()
        assert line.startswith("error: ")
        assert "acustic" in line
        assert "acoustic" in line

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["predict", "--file", "nowhere.wav"], "nowhere.wav"),
            (["evaluate", "asr", "--manifest", "nowhere.tsv"], "nowhere.tsv"),
            (["evaluate", "tone", "--manifest", "nowhere.csv"], "nowhere.csv"),
            (["evaluate", "text", "--data", "nowhere.tsv"], "nowhere.tsv"),
        ],
    )
    def test_a_file_that_is_not_there_is_one_line_that_names_it(
        self, tmp_path: Path, arguments: list[str], named: str
    ) -> None:
        (tmp_path / "labels.txt").write_text("\n".join(LABELS), encoding="utf-8")
        done = _process(*arguments, folder=tmp_path)
        assert done.returncode == 1
        assert done.stdout == ""
        (line,) = done.stderr.strip().splitlines()
        assert named in line


class TestEvaluating:
    """The figures of the command contract, on tiny data whose answer is known."""

    def test_asr_prints_the_contract_and_no_errors_for_an_equal_reference(
        self, recordings: Path, whole_folder: Result
    ) -> None:
        transcript = _lines(whole_folder)[1]["transcript"]
        manifest = recordings.parent / "asr.tsv"
        manifest.write_text(
            f"file\tseconds\treference\n2026-11-02/call.flac\t\t{transcript.upper()}.\n", encoding="utf-8"
        )
        result = _run("evaluate", "asr", "--manifest", manifest)
        assert result.exit_code == 0
        figures = json.loads(result.stdout)
        assert (figures["n"], figures["wer"], figures["excluded"]) == (1, 0.0, [])
        assert figures["audio_seconds_per_second"] > 0

    def test_tone_prints_the_contract(self, recordings: Path) -> None:
        manifest = recordings.parent / "tone.csv"
        rows = [f"2026-11-02/call.flac,{speaker},{emotion}" for speaker, emotion in [("a", "angry"), ("b", "disgust")]]
        manifest.write_text("\n".join(["file,speaker,emotion", *rows]) + "\n", encoding="utf-8")
        result = _run("evaluate", "tone", "--manifest", manifest)
        assert result.exit_code == 0, result.output
        figures = json.loads(result.stdout)
        assert figures["n"] == 1, "disgust is none of the four classes"
        assert {"uar_4", "recall", "ece", "audio_seconds_per_second"} <= set(figures)
        assert figures["recall"] == {"angry": figures["uar_4"], "happy": None, "neutral": None, "sad": None}
        assert figures["uar_4"] in {0.0, 1.0}

    def test_text_prints_the_contract(self, tmp_path: Path) -> None:
        labels = {name: number for number, name in enumerate(LABELS)}
        (tmp_path / "labels.txt").write_text("\n".join(LABELS) + "\n", encoding="utf-8")
        rows = [
            ("I am so happy and glad today!", "joy"),
            ("This makes me furious, I hate it.", "anger"),
            ("I am so sad, I cried all night.", "sadness"),
            ("The train leaves at nine.", "neutral"),
        ]
        data = tmp_path / "data.tsv"
        data.write_text("".join(f"{text}\t{labels[label]}\tid\n" for text, label in rows), encoding="utf-8")
        result = _run("evaluate", "text", "--data", data)
        assert result.exit_code == 0, result.output
        figures = json.loads(result.stdout)
        shares = ["macro_f1_28", "macro_f1_ekman", "base_accuracy", "sub_macro_f1", "ece_28", "ece_base"]
        assert list(figures) == ["n", *shares, "sentences_per_minute"]
        assert figures["n"] == 4
        assert all(0.0 <= figures[name] <= 1.0 for name in shares)
        assert figures["base_accuracy"] == 1.0
        assert figures["sentences_per_minute"] > 0


def test_the_installed_command_shows_its_help(tmp_path: Path) -> None:
    done = _process("--help", folder=tmp_path)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("predict", "evaluate", "train"))


def _commands(command: Any, names: tuple[str, ...] = ("emotion-clf",)) -> Iterator[tuple[tuple[str, ...], Any]]:
    yield names, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from _commands(inner, (*names, name))


COMMANDS = dict(_commands(get_command(app)))


@pytest.mark.parametrize("names", COMMANDS, ids=" ".join)
def test_the_help_of_every_command_has_an_example_that_it_understands(names: tuple[str, ...]) -> None:
    shown = CliRunner().invoke(app, [*names[1:], "--help"])
    assert shown.exit_code == 0
    assert "Example: " in shown.output
    examples = re.findall(r"^Example: (?:[A-Z_]+=\S+ )*(emotion-clf .*)$", COMMANDS[names].help or "", re.MULTILINE)
    assert examples
    for example in examples:
        words = shlex.split(example)
        assert tuple(words[: len(names)]) == names
        command, arguments = get_command(app), words[1:]
        while (inner := getattr(command, "commands", {})) and arguments:
            command = inner[arguments.pop(0)]
        command.make_context("example", list(arguments))


def test_the_help_says_what_the_command_exits_with() -> None:
    for arguments in ([], ["predict"]):
        assert "Exit codes: 0 done" in _run(*arguments, "--help").output


def test_the_shell_completes_commands_and_options() -> None:
    def completed(typed: str) -> set[str]:
        words = {"_EMOTION_CLF_COMPLETE": "complete_bash", "COMP_WORDS": typed, "COMP_CWORD": str(typed.count(" "))}
        return set(CliRunner().invoke(app, [], prog_name="emotion-clf", env=words).stdout.split())

    assert completed("emotion-clf pre") == {"predict"}
    assert {"--dir", "--output"} <= completed("emotion-clf predict --")


@pytest.mark.parametrize(("shell", "file"), [("bash", ".bashrc"), ("zsh", ".zshrc")])
def test_completion_is_shown_and_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shell: str, file: str
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION", "1")  # it would find what runs the tests
    shown = CliRunner().invoke(app, ["--show-completion", shell], prog_name="emotion-clf")
    assert f"_EMOTION_CLF_COMPLETE=complete_{shell}" in shown.output
    assert CliRunner().invoke(app, ["--install-completion", shell], prog_name="emotion-clf").exit_code == 0
    assert (tmp_path / file).is_file()


@pytest.mark.parametrize(
    "statement",
    [
        "from emotion_clf import AudioAnalyzer, EmotionPredictor",
        "import emotion_pipeline; emotion_pipeline.AudioAnalyzer",
        "import emotion_pipeline.cli.app",
    ],
)
def test_importing_the_public_names_loads_neither_dagster_nor_torch(statement: str) -> None:
    program = f"import sys; {statement}; print(sorted({{'dagster', 'torch'}} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_the_command_line_imports_no_engine_before_a_command_runs() -> None:
    program = "import sys, emotion_pipeline.cli.app; print(sorted({'numpy', 'pandas', 'av'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert done.stdout.strip() == "[]"


def test_a_process_with_code_location_and_torch_ends_without_leak_notices() -> None:
    program = "import emotion_pipeline.definitions, torch"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=120)
    assert "leaked" not in done.stderr
