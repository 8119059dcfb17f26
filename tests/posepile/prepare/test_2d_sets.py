"""2D-labelled data sets and image sets, from raw files to what training reads."""

import importlib
import json

import numpy as np
import pytest

from posepile import masks
from posepile.boxes import of_points
from posepile.prepare.join import join
from posepile.prepare.unit import Tools, prepare_unit

IDS = ("mpii", "coco", "jrdb", "posetrack")


@pytest.fixture(scope="module", params=IDS)
def prepared(request, tmp_path_factory):
    """A fake, its frames by key, and its store."""
    root, out = tmp_path_factory.mktemp("raw"), tmp_path_factory.mktemp("out")
    fake = importlib.import_module(f"fakes.{request.param}").write(root)
    sequences = fake.dataset.sequences(root)
    frames = {}
    for sequence in sequences:
        found = {frame.key: frame for frame in fake.dataset.read(sequence)}
        frames |= found
        if found:
            prepare_unit(fake.dataset, sequence, out, Tools())
    kept = [s for s in sequences if any(key.startswith(f"{s.name}/") for key in frames)]
    return fake, frames, join(fake.dataset, kept, out, Tools(), [])


@pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")
def test_keeps_who_has_more_than_six_limb_joints(prepared):
    fake, frames, store = prepared
    joints = fake.dataset.skeleton.joints
    limbs = [i for i, joint in enumerate(joints) if joint[1:] in ("ank", "kne", "hip", "wri", "elb", "sho")]
    expected = {key for key, f in frames.items() if np.isfinite(f.joints2d[limbs, 0]).sum() > 6}
    assert set(store.index.column("key").to_pylist()) == expected
    rejected = store.path / "rejected.jsonl"
    lines = rejected.read_text().splitlines() if rejected.exists() else []
    assert {json.loads(line)["key"] for line in lines} == set(frames) - expected
    assert bool(lines) == (fake.dataset.facts.id in ("mpii", "coco"))
    assert all("limb joints" in line for line in lines)


@pytest.mark.filterwarnings("ignore::posepile.datasets.raw.RawDataWarning")
def test_labels_go_with_the_pixels(prepared):
    _, frames, store = prepared
    for example in store.examples(range(len(store))):
        frame = frames[example.key]
        assert (np.isfinite(example.joints2d) == np.isfinite(frame.joints2d)).all()
        valid = np.isfinite(frame.joints2d[:, 0])
        if frame.camera is not None:  # turned and without distortion, yet along the same rays
            old, new = (
                e.camera.image_to_camera(e.joints2d[valid]) @ e.camera.rotation for e in (frame, example)
            )
            cosine = (old * new).sum(axis=1) / np.linalg.norm(old, axis=1) / np.linalg.norm(new, axis=1)
            assert cosine.min() > 1 - 1e-6 and not example.camera.has_distortion
            continue
        scale = example.box[2:] / frame.box[2:]
        assert abs(scale[0] - scale[1]) < 1e-4
        moved = (frame.joints2d - frame.box[:2]) * scale + example.box[:2]
        np.testing.assert_allclose(example.joints2d, moved, atol=1e-2)
        if frame.mask is not None:
            rows, columns = np.nonzero(masks.decode(frame.mask))
            corners = of_points(np.stack([columns, rows], axis=1))
            corners[:2] = (corners[:2] - frame.box[:2]) * scale + example.box[:2]
            np.testing.assert_allclose(masks.box(example.mask)[:2], corners[:2], atol=2)
