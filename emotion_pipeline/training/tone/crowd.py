"""Whether listeners agreed with the label of a clip: the votes that CREMA-D publishes beside its recordings.

Half of its acted clips are heard as something else by most of those who only listened. Which clips count how much is
decided in ``acoustic_training``.
"""

import csv
from pathlib import Path
from typing import Final

# Beside the manifest; a corpus without it has no votes.
VOTES: Final = "summaryTable.csv"

_CODES: Final = {
    "A": "angry", "D": "disgust", "F": "fearful", "H": "happy", "N": "neutral", "S": "sad",
}  # fmt: skip


def voice_votes(manifest: Path) -> dict[str, str]:
    """Return what most listeners heard in each clip, by the file's name without its suffix; ties are left out."""
    path = manifest.parent / VOTES
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8", newline="") as file:
        votes = {row["FileName"]: _CODES.get(row["VoiceVote"], "") for row in csv.DictReader(file)}
    return {name: emotion for name, emotion in votes.items() if emotion}
