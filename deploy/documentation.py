"""What the documentation site has beyond the pages of docs/, as hooks of MkDocs (see mkdocs.yml).

The README becomes the first page, the reference is written from the docstrings, and links that leave docs/, which lead
to files on a code host, become the words they stood on.
"""

import re
from pathlib import Path
from typing import Any, Final

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.exceptions import PluginError
from mkdocs.structure.files import File, Files

REPOSITORY: Final = Path(__file__).resolve().parents[1]
MARTS: Final = REPOSITORY / "dbt_project" / "target" / "static_index.html"
_LINK: Final = re.compile(r"\[(?P<words>(?:[^\[\]]|\[[^\]]*\])+)\]\((?P<target>[^)\s]+)\)")
_ELSEWHERE: Final = ("http:", "https:", "mailto:", "#")
_REFERENCE: Final = """# Python API

What `from emotion_clf import AudioAnalyzer, EmotionPredictor, …` gives, and the rooms that are worth importing alone.

::: emotion_pipeline.analyzer.AudioAnalyzer
::: emotion_pipeline.engine.emotion.predictor.EmotionPredictor
::: emotion_pipeline.engine.common.types.EmotionResult
::: emotion_pipeline.engine.stages.report.RecordingResult
::: emotion_pipeline.engine.stages.report.SegmentResult
::: emotion_pipeline.warehouse.reviews
::: emotion_pipeline.report.queries
::: emotion_pipeline.report.page
"""


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the README, the reference, the list of decisions and the pages of dbt."""
    readme = (REPOSITORY / "README.md").read_text(encoding="utf-8").replace("](docs/", "](")
    decisions = sorted((REPOSITORY / "docs" / "adr").glob("*.md"))
    titles = [path.read_text(encoding="utf-8").splitlines()[0].lstrip("# ") for path in decisions]
    listed = "".join(f"- [{title}](adr/{path.name})\n" for title, path in zip(titles, decisions, strict=True))
    pages = {"index.md": readme, "reference.md": _REFERENCE, "decisions.md": f"# Decisions\n\n{listed}"}
    for name, content in pages.items():
        files.append(File.generated(config, name, content=content))
    if not MARTS.is_file():
        raise PluginError(f"{MARTS} is not there: dbt docs generate --static writes it, as make docs has it do")
    files.append(File.generated(config, "marts.html", abs_src_path=str(MARTS)))
    return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
    """Leave of links that lead out of docs/ the words."""
    folder = Path("docs", page.file.src_uri).parent

    def kept(link: re.Match[str]) -> str:
        target = link["target"].partition("#")[0]
        if link["target"].startswith(_ELSEWHERE) or _is_a_page(folder / target):
            return link[0]
        return link["words"]

    return _LINK.sub(kept, markdown)


def _is_a_page(path: Path) -> bool:
    place = (REPOSITORY / path).resolve()
    return place.is_relative_to(REPOSITORY / "docs") and (place.is_file() or place.name in {"index.md", "reference.md"})
