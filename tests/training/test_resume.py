"""Runs that are killed over and over end as if nothing had happened; the script that does it is a benchmark.

Two kills of every kind in each run of the tests; DOZENS_KILLS=20 makes that many, in some minutes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
N_KILLS = int(os.environ.get("DOZENS_KILLS", "2"))


@pytest.mark.slow
def test_killed_runs_of_every_kind_end_as_undisturbed_ones(tmp_path):
    script = str(ROOT / "benchmarks/resume_torture.py")
    command = [sys.executable, script, "--folder", str(tmp_path), "--kills", str(N_KILLS)]
    process = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert process.returncode == 0, process.stdout[-2000:] + process.stderr[-2000:]
    result = json.loads(process.stdout.splitlines()[-1])
    assert result["good"]
    for kind in result["kinds"]:
        assert kind["kills"] == N_KILLS and kind["inside_a_write"]
        assert kind["arrays_that_differ"] == kind["damaged"] == kind["lost"] == 0
