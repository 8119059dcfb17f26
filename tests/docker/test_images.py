"""Images promise a pinned base, an ordinary user, a health check that tells, and nothing but sources inside."""

import json
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from model_server import ModelServer

ROOT = Path(__file__).parents[2]
DOCKERFILES = sorted((ROOT / "docker").glob("Dockerfile*"))
PINNED = re.compile(r"@sha256:[0-9a-f]{64}$|:\d+\.\d+\.\d+(-\w+)*$")


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_pinned_base_ordinary_user_health_check(path):
    lines = instructions(path)
    arguments = dict(rest.split("=", 1) for name, rest in lines if name == "ARG" and "=" in rest)
    for base in (rest for name, rest in lines if name == "FROM"):
        base = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
        assert PINNED.search(base), f"{base} may be another image tomorrow"
    users = [rest for name, rest in lines if name == "USER"]
    assert users and users[-1] not in ("root", "0")
    assert [name for name, _ in lines].count("HEALTHCHECK") == 1


def test_every_room_goes_into_the_image_and_nothing_unknown():
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    kept = {line.removeprefix("!") for line in ignored if line.startswith("!")}
    assert "*" in ignored, "what is not named stays outside"
    assert kept >= {"setup.py", "pyproject.toml", "requirements.lock", "requirements-gpu.lock"}
    packages = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert {name for name in kept if (ROOT / name).is_dir()} == packages
    assert all((ROOT / name).exists() for name in kept)


def test_the_servers_health_check_tells_whether_the_model_is_available():
    [(_, check)] = [
        line for line in instructions(ROOT / "docker/Dockerfile.serving") if line[0] == "HEALTHCHECK"
    ]
    command = json.loads(check[check.index("CMD") + 3 :])
    with ModelServer(lambda name, inputs: {"x": np.zeros(1)}) as server:
        port = server.http.rsplit(":", 1)[1]

        def healthy() -> bool:
            command_here = [part.replace("8501", port) for part in command]
            return subprocess.run(command_here, capture_output=True, timeout=60).returncode == 0

        assert healthy()
        server.state = "LOADING"
        assert not healthy()
    assert not healthy()  # nobody answers


def instructions(path: Path) -> list[tuple[str, str]]:
    """(name, rest) of each, comments and line breaks taken out."""
    text = re.sub(r"^\s*#.*\n", "", path.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [tuple(line.split(None, 1)) for line in text.splitlines() if line.strip()]
