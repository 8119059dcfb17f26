"""The page is one well-formed file without network, the same each time, and shows what it was given."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from evaluation.body import facing_frame
from evaluation.consistency import Disagreement
from evaluation.pictures import Autoencoder, Curves, draw_curves, draw_latents, draw_weights
from evaluation.pose_pictures import PoseExamplePicture, draw_all_formats, draw_each_format
from evaluation.report import Report, write_report
from evaluation.results import make_results
from evaluation.score import Scores
from posepile import skeletons

SKELETON = skeletons.union(["smpl", "h36m"])
NAMES = ("separate", "separate_continued", "regularized", "latent", "hybrid")
MEAN_POSE = {"smpl": 210.0, "h36m": 190.0, "average": 200.0}


def test_files_are_written_and_the_page_needs_no_network(tmp_path):
    path = write_report(full_report(), tmp_path / "out")
    assert sorted(p.name for p in path.parent.iterdir()) == ["report.html", "results.csv", "results.json"]
    page = path.read_text()
    addresses = re.findall(r"(?:src|href)=\"(?!#|data:)([^\"]*)\"|url\((?!#|data:)([^)]*)\)", page)
    assert not addresses and "@import" not in page and "<script" not in page
    for text in (
        "Output regularisation",
        "viewport",
        "prefers-color-scheme: dark",
        "command",
        "holds",
        "&lt;b&gt;",
    ):
        assert text in page
    assert page.count("<svg ") == 2 + 2 + 2 * 3  # curves; weights and latents; two examples


def test_the_page_is_the_same_each_time(tmp_path):
    pages = [write_report(full_report(), tmp_path / name).read_bytes() for name in "ab"]
    assert pages[0] == pages[1]


def test_a_report_may_have_results_alone(tmp_path):
    page = write_report(Report(make_results({"latent": [scores(80)]}, MEAN_POSE)), tmp_path).read_text()
    assert "Latent points" in page and "<svg" not in page


@pytest.mark.parametrize(
    "draw",
    [
        lambda: draw_curves(
            Curves("Loss", "step", "m", {"a": ([0, 1], [1, 0.5]), "b": ([0, 1], [2, 1])}, log_y=True)
        ),
        lambda: draw_weights(autoencoder()),
        lambda: draw_latents(autoencoder()),
        lambda: draw_all_formats(example("x"), SKELETON),
        lambda: draw_each_format(example("x"), SKELETON, "Output regularisation"),
    ],
    ids=["curves", "weights", "latents", "all_formats", "each_format"],
)
def test_pictures_are_well_formed_and_take_the_pages_ink(draw):
    svg = draw()
    ElementTree.fromstring(svg)
    assert "currentColor" in svg and "#010203" not in svg


def test_the_typical_pose_faces_the_viewer():
    pose = facing_frame(people(20), SKELETON)
    place = {name: pose[SKELETON.index(name)] for name in ("pelv", "lhip", "rhip", "neck", "lank", "ltoe")}
    np.testing.assert_allclose(place["pelv"], 0, atol=1e-9)
    assert place["lhip"][0] > 50 > -50 > place["rhip"][0]
    assert place["neck"][1] > 300 and place["lank"][1] < -600
    assert place["ltoe"][2] > place["lank"][2] + 50  # toes point forward


def full_report():
    return Report(
        results=make_results({name: [scores(80)] for name in NAMES}, MEAN_POSE),
        intro=["An <b> is text."],
        curves=[Curves(f"Loss {i}", "step", "m", {"a": ([0, 1], [1, 0.5])}) for i in range(2)],
        autoencoder=autoencoder(),
        skeleton=SKELETON,
        examples=[example("one"), example("two")],
        provenance={"command": "dozens demo", "seed": 0},
    )


def scores(mpjpe):
    figures = {"mpjpe": mpjpe, "p_mpjpe": 60.0, "pck100": 70.0, "cps200": 50.0}
    between = Disagreement(40.0, 30.0, 20.0, 98)
    return Scores({"smpl": figures, "h36m": figures}, figures, between, between, n_examples=10)


def autoencoder():
    rng = np.random.default_rng(0)
    w1, w2 = rng.uniform(-0.1, 1, (len(SKELETON), 6)), rng.uniform(-0.1, 1, (6, len(SKELETON)))
    return Autoencoder(w1 / w1.sum(axis=0), w2 / w2.sum(axis=0), SKELETON, 4, people(20), {"PCK@1cm": "90 %"})


def example(name):
    true = people(1)[0] + [0, 0, 4000]
    true[3] = np.nan  # not labelled
    image = np.full((32, 32, 3), 128, np.uint8)
    intrinsics = np.array([[50.0, 0, 15.5], [0, 50, 15.5], [0, 0, 1]])
    predicted = {
        "Separate heads": people(1)[0] + [0, 0, 4050],
        "Output regularisation": people(1)[0] + [0, 0, 3990],
    }
    return PoseExamplePicture(name, image, intrinsics, true, predicted)


def people(n):
    """[n, J, 3] mm: rough standing people in a camera frame (y down), turned and noisy."""
    height = {
        "htop": -700,
        "head": -600,
        "neck": -450,
        "sho": -420,
        "elb": -200,
        "wri": 0,
        "hip": 20,
        "kne": 450,
    }
    height |= {"ank": 850, "toe": 900, "foo": 900, "pelv": 0}
    rng = np.random.default_rng(0)
    pose = np.zeros((len(SKELETON), 3))
    for i, name in enumerate(SKELETON.base_names):
        side = {"l": 120, "r": -120}.get(name[0], 0)
        pose[i] = (
            side,
            height.get(name.lstrip("lr"), height.get(name, -200)),
            -150 if name[1:] == "toe" else 0,
        )
    angles = rng.uniform(0, 2 * np.pi, n)
    turns = np.stack([[[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]] for a in angles])
    return np.einsum("nij,kj->nki", turns, pose) + rng.normal(size=(n, len(SKELETON), 3)) * 10
