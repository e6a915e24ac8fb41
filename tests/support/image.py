"""An image without a container daemon: the Dockerfile's instructions, carried out over this machine's file system, of
which nothing stays, and its command, started as its container would start it.

In place of the base there is what this machine runs on, so it proves nothing of ``python:3.11-slim``.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Final

_DOCKERFILE: Final = Path("deploy", "Dockerfile")
_PREPARE: Final = """
set -e
mount -t tmpfs -o size=8g,mode=755 tmpfs {folder}
mkdir {folder}/upper {folder}/work {folder}/root
mount -t overlay -o lowerdir=/,upperdir={folder}/upper,workdir={folder}/work overlay {folder}/root
mount --bind /proc {folder}/root/proc
mount --rbind /dev {folder}/root/dev
chmod 755 {folder}/root/root
mkdir -p {folder}/root/data
echo ready
exec sleep infinity
"""
_START: Final = """
set -e
mount -o remount,bind,ro {root}
mount -t tmpfs -o mode=1777 tmpfs {root}/tmp
mount --bind {data} {root}/data
exec chroot --userspec={user} {root} env --ignore-environment --chdir={folder} "$@"
"""


class BuildError(AssertionError):
    """A RUN of the Dockerfile failed; the message ends as its output does."""


class Image:
    """The file system that the stages left, until the holder of its mounts ends."""

    def __init__(self, holder: int, root: Path, instructions: Mapping[str, list[tuple[str, str]]]) -> None:
        self.root, self._stages = root, instructions
        self._enter = ["nsenter", f"--mount=/proc/{holder}/ns/mnt"]
        self._variables, self._folder = {"PATH": _path()}, "/"

    def build(self, target: str, repository: Path) -> None:
        """Carry out the stages behind a target: their RUNs, and their COPYs that are not from another of them."""
        for stage in ("tools", "wheel", f"{target}-environment", "runtime", target):
            self._build(stage, repository)

    def _build(self, stage: str, repository: Path) -> None:
        for keyword, text in self._stages[stage]:
            match keyword:
                case "ENV" | "ARG":
                    self._variables |= _assignments(text, self._variables)
                case "WORKDIR":
                    self._folder = text
                    self._sh(f"mkdir -p {text}")
                case "COPY" if not text.startswith("--from"):
                    *sources, into = text.split()
                    self._copy(repository, sources, Path(self._folder, into))
                case "RUN":
                    self._sh(f"cd {self._folder} && {text}", {**_pips(), **self._variables})
                case _:
                    pass

    def megabytes(self, path: str) -> float:
        """The size of what lies at a path, in 10^6 bytes as registries count."""
        return int(self._sh(f"du --summarize --bytes {path}").split()[0]) / 1e6

    def read(self, path: str) -> str:
        return self._sh(f"cat {path}")

    @contextmanager
    def started(self, target: str, data: Path, port: int, **variables: str) -> Iterator["subprocess.Popen[bytes]"]:
        """Run the command of a target as its user, on a read-only file system, with ``data`` mounted at /data.

        It listens on ``port`` in place of its own, which this machine may use for something else.
        """
        user, command = self._last("runtime", "USER"), json.loads(self._last(target, "CMD"))
        data.mkdir(exist_ok=True)
        os.chown(data, *map(int, user.split(":")))
        script = _START.format(root=self.root, data=data, user=user, folder=self._last("runtime", "WORKDIR"))
        given = [f"{name}={value}" for name, value in {**self._environment(target), **variables}.items()]
        own = self._last(target, "EXPOSE")
        command = [str(port) if argument == own else argument for argument in command]
        with subprocess.Popen(
            [*self._enter, "unshare", "--mount", "bash", "-c", script, "bash", *given, *command], cwd="/"
        ) as process:
            try:
                yield process
            finally:
                process.terminate()

    def healthy(self, target: str, port: int) -> bool:
        """What the health check of a target says of what listens on a port."""
        check = json.loads(self._last(target, "HEALTHCHECK").partition("CMD ")[2])
        own = self._last(target, "EXPOSE")
        given = [f"{name}={value}" for name, value in self._environment(target).items()]
        asked = [argument.replace(own, str(port)) for argument in check]
        done = subprocess.run(
            [*self._enter, "chroot", self.root, "env", *given, *asked], capture_output=True, cwd="/", check=False
        )
        return done.returncode == 0

    def _environment(self, target: str) -> dict[str, str]:
        found = {"PATH": _path()}
        for keyword, text in [*self._stages["runtime"], *self._stages[target]]:
            if keyword == "ENV":
                found |= _assignments(text, found)
        return found

    def _last(self, stage: str, keyword: str) -> str:
        return [text for found, text in self._stages[stage] if found == keyword][-1]

    def _copy(self, repository: Path, sources: list[str], target: Path) -> None:
        """As COPY does: of folders what is in them, files by their names. Tracked files only, as in a checkout."""
        for source in sources:
            base = repository / source if (repository / source).is_dir() else repository
            names = subprocess.run(
                ["git", "ls-files", "-z", "."] if base != repository else ["git", "ls-files", "-z", source],
                cwd=base,
                capture_output=True,
                check=True,
            ).stdout
            archive = subprocess.run(
                ["tar", "--create", "--null", "--files-from", "-"],
                cwd=base,
                input=names,
                capture_output=True,
                check=True,
            ).stdout
            self._sh(f"mkdir -p {target} && tar --extract --no-same-owner --directory {target}", given=archive)

    def _sh(self, script: str, variables: Mapping[str, str] | None = None, given: bytes | None = None) -> str:
        environment = [f"{name}={value}" for name, value in (variables or {"PATH": _path()}).items()]
        command = [*self._enter, "chroot", str(self.root), "env", "--ignore-environment", *environment]
        done = subprocess.run([*command, "bash", "-c", script], input=given, capture_output=True, cwd="/", check=False)
        if done.returncode != 0:
            raise BuildError(f"{script[:200]}\n{done.stdout.decode()[-1000:]}\n{done.stderr.decode()[-2000:]}")
        return done.stdout.decode()


@contextmanager
def blank_image(repository: Path, folder: Path) -> Iterator[Image]:
    """A file system to build in, which ends with the block. Raises PermissionError where no mounts are allowed."""
    folder.mkdir()
    with ExitStack() as stack:
        holder = stack.enter_context(
            subprocess.Popen(
                ["unshare", "--mount", "bash", "-c", _PREPARE.format(folder=folder)],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        stack.callback(holder.kill)
        assert holder.stdout is not None
        assert holder.stderr is not None
        if holder.stdout.readline() != "ready\n":
            raise PermissionError(holder.stderr.read())
        yield Image(holder.pid, folder / "root", _stages((repository / _DOCKERFILE).read_text(encoding="utf-8")))


def _stages(text: str) -> dict[str, list[tuple[str, str]]]:
    """The instructions of each stage by its name."""
    text = re.sub(r"^#.*\n", "", text, flags=re.MULTILINE).replace("\\\n", " ")
    stages: dict[str, list[tuple[str, str]]] = {}
    stage = "global"
    for line in filter(None, text.splitlines()):
        keyword, _, rest = line.partition(" ")
        if keyword == "FROM":
            stage = rest.split(" AS ")[1]
        stages.setdefault(stage, []).append((keyword, rest.strip()))
    return stages


def _assignments(text: str, known: Mapping[str, str]) -> dict[str, str]:
    return {name: value.replace("$PATH", known["PATH"]) for name, value in re.findall(r"(\w+)=(\S+)", text)}


def _path() -> str:
    return f"{Path(sys.base_prefix) / 'bin'}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def _pips() -> dict[str, str]:
    """How pip reaches its index from here; a builder has its own configuration."""
    return {name: value for name, value in os.environ.items() if name.startswith("PIP_")}
