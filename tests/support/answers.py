"""The questions of docs/bi.md with their answers, and the labels that they need. After ``make demo``,
`PYTHONPATH=tests:. python -m support.answers` writes labels, builds the marts anew, and writes the answers into it.
"""

import os
import re
import subprocess
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from emotion_pipeline.warehouse.lake import Lake
from emotion_pipeline.warehouse.reviews import Label, add_review, read_reviews

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bi.md"
# A heading with a number, the query, and the table below it where there is one.
_QUESTION = re.compile(
    r"^### (?P<title>\d+\. [^\n]+)\n\n```sql\n(?P<sql>.+?)\n```\n\n(?P<answer>(?:\|[^\n]*\n)*)",
    re.DOTALL | re.MULTILINE,
)

_LABEL = re.compile(r"^\| (\S+) \| (\d+) \| (\w+) \| (\w+) \| (\w+) \|$", re.MULTILINE)


@dataclass(frozen=True)
class Question:
    title: str
    sql: str
    answer: str


def questions() -> list[Question]:
    page = PAGE.read_text(encoding="utf-8")
    return [Question(found["title"], found["sql"], found["answer"]) for found in _QUESTION.finditer(page)]


def label_the_demo(lake: Lake, marts: Path) -> None:
    """Write the labels that the page names, of the segments that are spoken at those seconds."""
    for file, second, tone, emotion, sentiment in _LABEL.findall(PAGE.read_text(encoding="utf-8")):
        with duckdb.connect(str(marts), read_only=True) as connection:
            sql = "select segment_id from fct_segments where file = ? and ? between start_seconds and end_seconds"
            [(segment,)] = connection.execute(sql, [file, float(second)]).fetchall()
        add_review(lake, segment, Label("ada", tone, emotion, sentiment))


def answer(marts: Path, sql: str) -> str:
    """Return what the marts say, as a table of Markdown."""
    with duckdb.connect(str(marts), read_only=True) as connection:
        rows = connection.execute(sql)
        names = [column[0] for column in rows.description or ()]
        lines = [names, ["---"] * len(names), *([_cell(value) for value in row] for row in rows.fetchall())]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.4g}"
    return value.isoformat() if isinstance(value, date) else str(value)


def main() -> None:
    demo = PAGE.parents[1] / ".demo"
    lake, marts = Lake(str(demo / "lake")), demo / "marts.duckdb"
    if read_reviews(lake).empty:
        label_the_demo(lake, marts)
        places = {"EMOTION_STORAGE__ROOT": lake.root, "EMOTION_STORAGE__MARTS": str(marts)}
        environment = os.environ | places | {"DAGSTER_HOME": str(demo / "dagster")}
        subprocess.run([sys.executable, "-m", "emotion_pipeline.cli.in_process"], check=True, env=environment)

    def answered(found: re.Match[str]) -> str:
        unanswered = found[0].removesuffix(found["answer"])
        after = "\n" if not found["answer"] else ""
        return f"{unanswered}{answer(marts, found['sql'])}{after}"

    PAGE.write_text(_QUESTION.sub(answered, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()
