"""A batch cut into parts: every part has its share of both kinds of labels, in order; ghost groups stay whole."""

import numpy as np
import tensorflow as tf

from training import batch_parts


def make_batches(n_3d=6, n_2d=2):
    x = {"image": np.arange(n_3d + n_2d, dtype=np.float32)[:, None] * [[1, 1]]}
    y = {
        "joints3d": np.arange(n_3d, dtype=np.float32),
        "valid3d": np.arange(n_3d) % 2 == 0,
        "joints2d": 100 + np.arange(n_2d),
    }
    return tf.data.Dataset.from_tensors((x, y)).repeat(2)


def numbers(batches, *, of=lambda x, y: x["image"][:, 0]):
    return [of(x, y).tolist() for x, y in batches.as_numpy_iterator()]


def test_parts_have_3d_labels_first_and_2d_labels_last():
    parts = batch_parts.in_parts(make_batches(), 6, 2, 2)
    assert numbers(parts) == [[0, 1, 2, 6], [3, 4, 5, 7]] * 2
    assert numbers(parts, of=lambda x, y: y["joints3d"]) == [[0, 1, 2], [3, 4, 5]] * 2
    assert numbers(parts, of=lambda x, y: y["joints2d"]) == [[100], [101]] * 2


def test_shapes_stay_known_so_that_the_step_is_compiled_once():
    x, y = batch_parts.in_parts(make_batches(), 6, 2, 2).element_spec
    assert x["image"].shape == (4, 2) and y["joints3d"].shape == (3,) and y["joints2d"].shape == (1,)


def test_one_part_is_the_batch_itself():
    batches = make_batches()
    assert batch_parts.in_parts(batches, 6, 2, 1) is batches


def test_without_2d_labels():
    assert numbers(batch_parts.in_parts(make_batches(8, 0), 8, 0, 4))[:4] == [[0, 1], [2, 3], [4, 5], [6, 7]]


def test_ghost_groups_of_the_published_batch_have_their_members_in_two_parts():
    """96 + 32 examples in groups of 16: the parts hold groups 0, 1, 2, 6 and 3, 4, 5, 7 of the whole batch."""
    first, second, *_ = numbers(batch_parts.in_parts(make_batches(96, 32), 96, 32, 2))
    groups = [np.reshape(part, (4, 16)) // 16 for part in (first, second)]
    assert [group[:, 0].tolist() for group in groups] == [[0, 1, 2, 6], [3, 4, 5, 7]]
    assert all((group == group[:, :1]).all() for group in groups)


def test_hosts_hold_the_rows_that_follow_one_another():
    halves = [numbers(batch_parts.of_host(make_batches(), host, 2))[0] for host in (0, 1)]
    assert halves == [[0, 1, 2, 3], [4, 5, 6, 7]]


def test_store_numbers_are_cut_with_their_examples():
    numbered = batch_parts.with_store_numbers(make_batches(), [0, 0, 0, 1, 1, 2])
    parts = batch_parts.in_parts(numbered, 6, 2, 2)
    assert numbers(parts, of=lambda x, y: y["store3d"])[:2] == [[0, 0, 0], [1, 1, 2]]
    _, y = next(batch_parts.as_floats(parts).as_numpy_iterator())
    assert {values.dtype.kind for values in y.values()} <= {"f", "i"} and y["valid3d"].tolist() == [1, 0, 1]
