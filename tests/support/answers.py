"""The questions of docs/bi.md with their answers: `PYTHONPATH=tests:. python -m support.answers .demo/marts.duckdb`
writes the answers of these marts into the page.
"""

import re
import sys
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

PAGE = Path(__file__).resolve().parents[2] / "docs" / "bi.md"
# A heading with a number, the query, and the table below it where there is one.
_QUESTION = re.compile(
    r"^### (?P<title>\d+\. [^\n]+)\n\n```sql\n(?P<sql>.+?)\n```\n\n(?P<answer>(?:\|[^\n]*\n)*)",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Question:
    title: str
    sql: str
    answer: str


def questions() -> list[Question]:
    page = PAGE.read_text(encoding="utf-8")
    return [Question(found["title"], found["sql"], found["answer"]) for found in _QUESTION.finditer(page)]


def labels() -> list[list[str]]:
    """Return the arguments of the commands that write labels."""
    return [
        line.split()[1:]
        for line in PAGE.read_text(encoding="utf-8").splitlines()
        if line.startswith("emotion-clf review label")
    ]


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


def main(marts: Path) -> None:
    def answered(found: re.Match[str]) -> str:
        unanswered = found[0].removesuffix(found["answer"])
        after = "\n" if not found["answer"] else ""
        return f"{unanswered}{answer(marts, found['sql'])}{after}"

    PAGE.write_text(_QUESTION.sub(answered, PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
