"""``make size``: estimate, without building them, how large the images for CPUs are, in megabytes (10^6 bytes).

It adds up the files of the packages that an image installs, as they lie in the environment that runs this, our own
package with its weights, and the base. ``tests/integration/test_image.py`` builds the environments and measures them.
"""

import re
import subprocess
import sys
from importlib.metadata import PackagePath, distribution
from pathlib import Path
from typing import Final

_ROOT: Final = Path(__file__).resolve().parents[1]
# Of python:3.11-slim-bookworm, as Docker shows it: published as about 150 MB, not measured here.
BASE_MB: Final = 150
# The images that install without bytecode, and what the Dockerfile removes.
_NOT_COMPILED: Final = ("api", "dashboard")
_REMOVED: Final = ("torch/test/", "torch/include/")
_OURS: Final = ("emotion_pipeline", "emotion_clf")


def main() -> None:
    ours = _tracked()
    for file in sorted((_ROOT / "deploy" / "requirements").glob("*-cpu.txt")):
        image = file.stem.removesuffix("-cpu")
        names = re.findall(r"^([\w.-]+)==", file.read_text(encoding="utf-8"), re.MULTILINE)
        packages = sum(_installed(name, image not in _NOT_COMPILED) for name in names) / 1e6
        total = packages + ours + BASE_MB
        sys.stdout.write(
            f"{image:9} about {total:5.0f} MB: {packages:.0f} of {len(names)} packages, {ours:.0f} of this project, "
            f"{BASE_MB} of the base\n"
        )


def _installed(name: str, with_bytecode: bool) -> int:
    return sum(
        Path(str(file.locate())).stat().st_size
        for file in distribution(name).files or ()
        if _counts(file, with_bytecode)
    )


def _counts(file: PackagePath, with_bytecode: bool) -> bool:
    if file.as_posix().startswith(_REMOVED) or (file.suffix == ".pyc" and not with_bytecode):
        return False
    return Path(str(file.locate())).is_file()


def _tracked() -> float:
    listed = subprocess.run(["git", "ls-files", "-z", *_OURS], cwd=_ROOT, capture_output=True, text=True, check=True)
    return sum((_ROOT / name).stat().st_size for name in listed.stdout.split("\0")[:-1]) / 1e6


if __name__ == "__main__":
    main()
