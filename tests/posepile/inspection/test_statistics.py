"""Statistics promise: what a plain loop over the examples finds, missing labels and masks included."""

import numpy as np
import pytest

from posepile.inspection import measure, read_labels, sample_rows


@pytest.fixture(scope="module")
def examples(people):
    made = [people.make(i) for i in range(12)]
    for i, example in enumerate(made):
        example.joints3d[i % 5] = np.nan  # in place: a joint that is not labelled
    made[3] = people.make(3, mask=None)
    made[4].joints3d[:, 2] += 1500  # some leave the image
    return made


@pytest.fixture(scope="module")
def store(people, examples, tmp_path_factory):
    return people.write(tmp_path_factory.mktemp("statistics") / "s", examples)


def test_bone_lengths_are_those_of_a_loop(store, examples, people):
    found = measure(people.labels(store), store.joints, store.edges)
    for bone, (a, b) in zip(found.bones, store.edges, strict=True):
        lengths = []
        for example in examples:
            one, other = example.joints3d[a].astype(float), example.joints3d[b].astype(float)
            if not np.isnan(one).any() and not np.isnan(other).any():
                lengths.append(sum((p - q) ** 2 for p, q in zip(one, other, strict=True)) ** 0.5)
        mean = sum(lengths) / len(lengths)
        std = (sum((length - mean) ** 2 for length in lengths) / len(lengths)) ** 0.5
        assert bone.joints == (store.joints[a], store.joints[b]) and bone.n == len(lengths)
        np.testing.assert_allclose((bone.mean_mm, bone.std_mm), (mean, std), rtol=1e-9)
        assert bone.quantiles_mm[0] == pytest.approx(min(lengths))
        assert bone.quantiles_mm[-1] == pytest.approx(max(lengths))


def test_visibility_is_that_of_a_loop(store, examples, people):
    found = measure(people.labels(store), store.joints, store.edges)
    labelled, in_image = np.zeros(17, int), np.zeros(17, int)
    for example in examples:
        for j, joint in enumerate(example.joints3d):
            if np.isnan(joint).any():
                continue
            labelled[j] += 1
            u, v = example.camera.world_to_image(joint)
            in_image[j] += -0.5 <= u < 95.5 and -0.5 <= v < 95.5
    np.testing.assert_array_equal(found.labelled, labelled)
    np.testing.assert_array_equal(found.in_image, in_image)
    assert 0 < in_image.sum() < labelled.sum()


def test_distances_sizes_and_masks_are_those_of_a_loop(store, examples, people):
    found = measure(people.labels(store), store.joints, store.edges)
    depths = [np.nanmedian([e.camera.world_to_camera(j)[2] for j in e.joints3d]) for e in examples]
    np.testing.assert_allclose(found.distances_mm, depths)
    np.testing.assert_array_equal(found.box_sides_px, [max(e.box[2], e.box[3]) for e in examples])
    assert len(found.mask_shares) == 11
    assert found.mask_shares.min() > 0.9  # the masks are the boxes, rounded to whole px


def test_no_3d_labels_no_bones(people, tmp_path):
    pixels = people.make(0).camera.world_to_image(people.make(0).joints3d)
    flat = [people.make(i, joints3d=None, camera=None, joints2d=pixels) for i in range(3)]
    store = people.write(tmp_path / "flat", flat, role="2d")
    found = measure(people.labels(store), store.joints, store.edges)
    assert found.bones == () and found.distances_mm.size == 0
    assert found.labelled.tolist() == found.in_image.tolist() == [3] * 17


def test_an_edge_that_is_never_labelled_has_no_length(people, tmp_path):
    spoilt = people.make(0)
    spoilt.joints3d[people.skeleton.index("lwri")] = np.nan
    store = people.write(tmp_path / "s", [spoilt])
    bones = {bone.joints: bone for bone in measure(people.labels(store), store.joints, store.edges).bones}
    assert bones["lelb", "lwri"].mean_mm is None and bones["relb", "rwri"].mean_mm > 0


def test_the_sample_is_seeded_without_repetition_and_all_of_a_small_store(store):
    rows = sample_rows(store, 5, seed=7)
    assert rows.tolist() == sorted(set(rows.tolist())) == sample_rows(store, 5, seed=7).tolist()
    assert len(rows) == 5 and rows.tolist() != sample_rows(store, 5, seed=8).tolist()
    assert sample_rows(store, 99, seed=7).tolist() == list(range(12))
    assert read_labels(store, rows).keys == [f"people/{row:04d}" for row in rows]
