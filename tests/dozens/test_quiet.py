"""TensorFlow's start-up notes do not reach the terminal; everything else does."""

import subprocess
import sys

import pytest

from dozens import quiet

NOTE = "I0000 00:00:1795540056.569198    9994 port.cc:153] oneDNN custom operations are on."
OLDER = "2025-01-01 10:00:00.123456: I tensorflow/core/platform/cpu_feature_guard.cc:210] This TensorFlow binary is"


@pytest.mark.parametrize(
    "line",
    [NOTE, OLDER, "WARNING: All log messages before absl::InitializeLog() is called are written to STDERR"],
)
def test_notes_are_known(line):
    assert quiet.is_note(line)


@pytest.mark.parametrize(
    "line",
    [
        "E0000 00:00:1795540056.569198    9994 port.cc:153] out of memory",
        "F0000 00:00:1795540056.569198    9994 cpu_feature_guard.cc:60] needs AVX instructions",
        "Traceback (most recent call last):",
        "I am an error of someone else",
    ],
)
def test_errors_are_no_notes(line):
    assert not quiet.is_note(line)


@pytest.mark.parametrize("crash", ["", "os.abort()"])
def test_only_notes_are_kept_back_also_in_a_crash(crash):
    code = (
        "import os\nfrom dozens import quiet\n"
        f"with quiet._filtered_stderr():\n    os.write(2, b'{NOTE}\\nerror: seen\\n')\n    {crash or 'pass'}\n"
        "os.write(2, b'after\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode == 0) == (not crash)
    assert done.stderr.splitlines() == (["error: seen"] if crash else ["error: seen", "after"])


@pytest.mark.slow
def test_tensorflow_starts_without_a_word():
    code = "import dozens.cli, tensorflow as tf; tf.zeros(2); assert tf.config.list_physical_devices('CPU')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
