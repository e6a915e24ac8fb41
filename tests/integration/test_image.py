"""The service starts as its image starts it: same user, variables and command, on a file system that is read-only."""

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import psutil
import pytest
from support.proxy import free_port
from support.service import SECRET, eventually, token
from typer.testing import CliRunner

from emotion_pipeline.cli.app import app

# The image has these in /data and /opt; here they are mounted over folders that every Linux has.
_DATA, _CODE = "/srv", "/mnt"
_ENTER = """
set -e
mount --bind {repository} {code}
mount --bind {data} {mounted}
if ! setpriv --reuid {user} --regid {user} --clear-groups test -x {python}; then
    mkdir {stash} && mount --bind {base} {stash}
    mount -t tmpfs -o mode=755 tmpfs /root && mkdir -p {base} && mount --bind {stash} {base}
fi
mount -o remount,bind,ro {code}
mount -o remount,bind,ro /
mount -t tmpfs -o mode=1777 tmpfs /tmp
cd {mounted}
exec setpriv --reuid {user} --regid {user} --clear-groups env --ignore-environment {variables} {command}
"""


def _instructions(repository: Path, keyword: str) -> list[str]:
    text = (repository / "deploy" / "Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
    return re.findall(rf"^{keyword} (.+)$", text, re.MULTILINE)


@contextmanager
def _as_in_the_image(repository: Path, folder: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    user = int(_instructions(repository, "USER")[0].partition(":")[0])
    (folder / "data").mkdir()
    os.chown(folder / "data", user, user)
    _build, runtime, *_ = _instructions(repository, "ENV")
    variables = {**dict(re.findall(r"(\w+)=(\S+)", runtime.replace("/data", _DATA))), "PYTHONPATH": _CODE}
    variables |= {"PATH": os.environ["PATH"], "EMOTION_JWT_SECRET": SECRET, "EMOTION_API__JOBS__WORKERS": "1"}
    commands = map(json.loads, _instructions(repository, "CMD"))
    [arguments] = [arguments for program, *arguments in commands if program == "emotion-clf"]
    assert arguments[-2:] == ["--port", "8000"]
    main = "from emotion_pipeline.cli.app import main; main()"
    script = _ENTER.format(
        repository=repository,
        code=_CODE,
        data=folder / "data",
        mounted=_DATA,
        user=user,
        python=Path(sys.executable).resolve(),
        base=sys.base_prefix,
        stash=folder / "stash",
        variables=shlex.join(f"{name}={value}" for name, value in variables.items()),
        command=shlex.join(
            [str(Path(sys.prefix).resolve() / "bin" / "python"), "-c", main, *arguments[:-1], str(port)]
        ),
    )
    with subprocess.Popen(["unshare", "--mount", "bash", "-c", script], stderr=subprocess.PIPE) as process:
        try:
            yield process
        finally:
            process.terminate()


@pytest.mark.full
def test_the_service_runs_as_the_user_of_its_image_on_a_read_only_file_system(repository: Path, tmp_path: Path) -> None:
    probe = ["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", _CODE]
    if shutil.which("unshare") is None or subprocess.run(probe, capture_output=True, check=False).returncode != 0:
        pytest.skip("only root may make a mount namespace")
    port = free_port()
    url = f"http://127.0.0.1:{port}"

    def is_ready() -> bool:
        assert process.poll() is None, process.stderr and process.stderr.read().decode()
        try:
            return httpx.get(f"{url}/ready").status_code == 200
        except httpx.HTTPError:
            return False

    with _as_in_the_image(repository, tmp_path, port) as process:
        eventually(is_ready, 180.0)
        assert psutil.Process(process.pid).uids().real == 10_001
        done = CliRunner().invoke(app, ["smoke", "--url", url, "--token", token()])
        assert done.exit_code == 0, done.output
    assert (tmp_path / "data" / "api" / "jobs.db").is_file()
