"""`dozens demo --size smoke` runs the whole method and writes what scripts rely on."""

import json
import subprocess
import sys
from html.parser import HTMLParser

import pytest

VARIANTS = ("separate", "separate_continued", "regularized", "latent", "hybrid")
FIGURES = ("mpjpe", "p_mpjpe", "pck100", "cps200", "disagreement")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    """A finished smoke demonstration, run as a user would: (folder, what it printed)."""
    out = tmp_path_factory.mktemp("demo")
    return out, run_demo(out)


@pytest.mark.slow
def test_results_have_the_documented_names(demo):
    out, _ = demo
    results = json.loads((out / "results.json").read_text())
    assert results["mean_pose_mpjpe"] > 0
    assert set(results["variants"]) == set(VARIANTS)
    for variant in VARIANTS:
        for figure in FIGURES:
            assert results["variants"][variant][figure] >= 0, (variant, figure)


@pytest.mark.slow
def test_the_report_is_one_whole_file(demo):
    out, _ = demo
    parser = Links()
    parser.feed((out / "report.html").read_text())
    assert parser.pictures >= 5  # curves, weights, latents, poses
    assert all(link.startswith(("data:", "#")) for link in parser.links), parser.links


@pytest.mark.slow
def test_the_exported_model_is_there_and_the_table_is_printed(demo):
    out, printed = demo
    assert (out / "savedmodel/1/saved_model.pb").exists()
    assert "Output regularisation" in printed
    table = [line for line in printed.splitlines() if line[:1] in ("┃", "│", "┡", "┏", "└")]
    assert len(table) >= len(VARIANTS) + 5
    assert max(map(len, table)) <= 80


@pytest.mark.slow
def test_a_finished_demonstration_is_not_done_again(demo):
    out, _ = demo
    before = {path: path.stat().st_mtime_ns for path in out.rglob("model.weights.h5")}
    assert len(before) == len(VARIANTS)
    run_demo(out)
    assert before == {path: path.stat().st_mtime_ns for path in out.rglob("model.weights.h5")}


@pytest.mark.slow
def test_a_folder_of_another_size_is_refused(demo):
    out, _ = demo
    done = subprocess.run(command(out, "demo"), capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "other settings" in done.stderr


def run_demo(out) -> str:
    done = subprocess.run(command(out, "smoke"), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


def command(out, size) -> list[str]:
    return [sys.executable, "-m", "dozens.cli", "demo", "--size", size, "--out", str(out)]


class Links(HTMLParser):
    """Collects what a page would fetch, and counts its pictures."""

    def __init__(self):
        super().__init__()
        self.links, self.pictures = [], 0

    def handle_starttag(self, tag, attrs):
        attrs = dict(attrs)
        self.links += [attrs[name] for name in ("src", "href", "xlink:href") if attrs.get(name)]
        self.pictures += tag in ("svg", "img")
