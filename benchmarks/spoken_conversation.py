"""``python -m benchmarks.spoken_conversation``: text emotion on sentences as a recogniser hears them.

The held-out sentences of the conversation set are said by espeak-ng (which has to be installed), transcribed by Whisper
tiny.en, and measured as ``emotion-clf evaluate conversation`` measures the written ones. The voice is a synthetic one:
it makes a recogniser err, in its own way.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Final

import typer

from emotion_pipeline.engine.emotion.predictor import EmotionPredictor
from emotion_pipeline.engine.transcribe.recording import LocalTranscriber
from emotion_pipeline.engine.transcribe.whisper.faster import faster_whisper
from emotion_pipeline.training.evaluation.asr import word_error_rate
from emotion_pipeline.training.evaluation.conversation import evaluate_conversation, held_out_sentences

VOICE: Final = "en-us"


def main(
    model: Annotated[Path | None, typer.Option(help="A folder that training wrote; else the shipped model.")] = None,
    sentences: Annotated[int, typer.Option(help="How many sentences, evenly spread; 0: all.")] = 0,
) -> None:
    """Print the figures of the written and of the recognised sentences as one JSON line."""
    program = shutil.which("espeak-ng")
    if program is None:
        raise typer.BadParameter("espeak-ng is not on the PATH; install it (apt install espeak-ng)")
    written = held_out_sentences()
    written = written[:: max(1, len(written) // sentences)] if sentences else written
    recognised = [
        replace(sentence, text=text)
        for sentence, text in zip(written, transcribed(program, [sentence.text for sentence in written]), strict=True)
    ]
    predictor = EmotionPredictor(model)
    figures = {
        "model": predictor.model_fingerprint,
        "wer": round(word_error_rate([s.text for s in written], [s.text for s in recognised]), 4),
        "written": evaluate_conversation(predictor, written).to_dict(),
        "recognised": evaluate_conversation(predictor, recognised).to_dict(),
    }
    typer.echo(json.dumps(figures))


def transcribed(program: str, texts: Sequence[str]) -> Iterator[str]:
    """Yield what tiny.en makes of each text as espeak-ng says it."""
    transcriber = LocalTranscriber(faster_whisper("tiny.en"))
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        for text in texts:
            subprocess.run([program, "-v", VOICE, "-w", str(path), text], check=True)
            yield transcriber.transcribe(path, speakers=("speaker_1",)).text


if __name__ == "__main__":
    typer.run(main)
