"""Runs that are killed over and over end as if nothing had happened; the script that does it is a benchmark."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_a_few_kills_of_a_run_in_parts(tmp_path):
    torture(tmp_path, "--kills", "2", "--kinds", "parts", "--steps", "16")


@pytest.mark.slow
def test_twenty_kills_of_every_kind(tmp_path):
    torture(tmp_path, "--kills", "20")


def torture(folder, *options):
    command = [sys.executable, str(ROOT / "benchmarks/resume_torture.py"), "--folder", str(folder), *options]
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    result = json.loads(process.stdout.splitlines()[-1])
    assert result["good"]
    for kind in result["kinds"]:
        assert kind["kills"] == int(options[1]) and kind["inside_a_write"]
        assert kind["arrays_that_differ"] == kind["damaged"] == kind["lost"] == 0
