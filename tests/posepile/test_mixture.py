"""A mixture promises: fixed shares, every record once an epoch, an order that seed and step decide."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from posepile import skeletons
from posepile.mixture import Mixture, Share
from posepile.names import UnknownNameError
from posepile.store import StoreError, StoreInfo

UNION = skeletons.union(["smpl", "h36m"])


class FakeStore:
    """What a mixture asks a store."""

    def __init__(self, size, skeleton="h36m", role="3d", id="fake", splits=("train",)):
        self.info = StoreInfo.of(id, role, skeletons.load(skeleton), "")
        self.id, self.role, self.path, self._size = id, role, f"/stores/{id}", size
        codes = np.arange(size, dtype=np.int32) % len(splits)
        self.index = pa.table({"split": pa.DictionaryArray.from_arrays(codes, list(splits))})

    def __len__(self):
        return self._size


def make_mixture(*sizes_and_shares, seed=1):
    shares = [Share(FakeStore(size, id=f"s{k}"), n) for k, (size, n) in enumerate(sizes_and_shares)]
    return Mixture(shares, UNION, seed)


@settings(deadline=None, max_examples=30)
@given(size=st.integers(1, 40), per_batch=st.integers(1, 9), seed=st.integers(0, 2**64))
def test_every_record_comes_once_an_epoch(size, per_batch, seed):
    mixture = make_mixture((size, per_batch), seed=seed)
    stream = mixture.rows_many(0, 3 * size)[1].ravel()[: 3 * size]
    for epoch in stream.reshape(3, size):
        assert sorted(epoch) == list(range(size))


@settings(deadline=None, max_examples=30)
@given(first=st.integers(0, 10**9), n=st.integers(1, 5))
def test_a_step_is_the_same_alone_and_among_others(first, n):
    ids, rows = make_mixture((7, 3), (10**7, 2), (1, 1)).rows_many(first, n)
    for i in range(n):
        alone = make_mixture((7, 3), (10**7, 2), (1, 1)).rows(first + i)
        np.testing.assert_array_equal(alone[0], ids[i])
        np.testing.assert_array_equal(alone[1], rows[i])


def test_shares_are_fixed_and_in_order():
    mixture = make_mixture((7, 3), (100, 2), (1, 1))
    ids, rows = mixture.rows_many(5, 4)
    assert mixture.batch_size == 6 and ids.dtype == np.int32 and rows.dtype == np.int64
    np.testing.assert_array_equal(ids, [[0, 0, 0, 1, 1, 2]] * 4)
    assert (rows < [7, 7, 7, 100, 100, 1]).all() and (rows >= 0).all()


@pytest.mark.parametrize(
    "splits, remainders", [(("train",), {0}), (("val", "train"), {0, 1}), (("test",), {2})]
)
def test_takes_rows_of_its_splits_only_each_once_an_epoch(splits, remainders):
    store = FakeStore(30, splits=("train", "val", "test"))
    mixture = Mixture([Share(FakeStore(5, id="other"), 1), Share(store, 2, splits)], UNION, 1)
    n = 10 * len(remainders)
    rows = mixture.rows_many(0, n // 2)[1][:, 1:].ravel()
    assert sorted(rows) == [row for row in range(30) if row % 3 in remainders]


def test_a_split_that_a_store_lacks_is_an_error_that_says_what_is_there():
    with pytest.raises(StoreError, match="expected examples of val, found 30 of train"):
        Mixture([Share(FakeStore(30), 1, ("val",))], UNION, 1)


def test_the_order_is_pinned():
    # Runs that were started with an older version must go on in the same order
    assert make_mixture((1000, 5), seed=42).rows(7)[1].tolist() == [23, 968, 491, 350, 282]


def test_stores_epochs_and_seeds_have_orders_of_their_own():
    mixture = make_mixture((1000, 1000), (1000, 1000))
    _, rows = mixture.rows_many(0, 2)
    orders = [
        *rows[:, :1000],
        *rows[:, 1000:],
        make_mixture((1000, 1000), seed=2).rows(0)[1],
        np.arange(1000),
    ]
    for i, a in enumerate(orders):
        for b in orders[:i]:
            assert (a == b).sum() < 10  # of 1000, where 1 is expected by chance


def test_columns_follow_the_names():
    smpl, h36m, user = (FakeStore(1, s, id=s) for s in ("smpl", "h36m", "h36m_17"))
    test = FakeStore(1, "h36m", role="test", id="test")
    labels2d = FakeStore(1, "common2d", role="2d", id="2d")
    mixture = Mixture([Share(s, 1) for s in (h36m, smpl, user, test, labels2d)], UNION, 1)
    assert [UNION.joints[c] for c in mixture.columns(0)] == [f"{j}_h36m" for j in h36m.info.joints]
    assert [UNION.joints[c] for c in mixture.columns(1)] == list(smpl.info.joints)
    assert [UNION.joints[c] for c in mixture.columns(2)][:2] == ["pelv_h36m", "rhip_h36m"]
    np.testing.assert_array_equal(mixture.columns(3), mixture.columns(0))
    assert len(mixture.columns(4)) == 0


def test_columns_of_merged_joints():
    merged = skeletons.merged(UNION)
    mixture = Mixture([Share(FakeStore(1, s, id=s), 1) for s in ("h36m", "smpl")], merged, 1)
    for k, name in enumerate(("h36m", "smpl")):
        assert [merged.joints[c] for c in mixture.columns(k)] == list(skeletons.load(name).joints)


def test_a_joint_that_the_mixture_lacks_is_named():
    with pytest.raises(UnknownNameError, match=r"needed by store 'c'.*'neck_coco'; nearest: neck, neck_h36m"):
        Mixture([Share(FakeStore(1, "coco", id="c"), 1)], UNION, 1)


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ([], "no stores"),
        ([(FakeStore(0, id="void"), 1)], "'void' .* expected examples of train, found none"),
        ([(FakeStore(1), 0)], "'fake': 0 a batch"),
        ([(FakeStore(1), 1), (FakeStore(2), 1)], "'fake' takes part twice"),
    ],
)
def test_mistakes_are_named(shares, expected):
    with pytest.raises(StoreError, match=expected):
        Mixture([Share(*pair) for pair in shares], UNION, 1)


def test_negative_steps_are_refused():
    with pytest.raises(ValueError, match="first_step is -1"):
        make_mixture((5, 1)).rows(-1)


def test_real_stores_take_part(fake, tmp_path):
    store = fake.write_store(tmp_path / "s", n=7)
    mixture = Mixture([Share(store, 7)], UNION, 1)
    ids, rows = mixture.rows(0)
    keys = [example.key for example in mixture.stores[0].examples(rows)]
    assert sorted(keys) == sorted(fake.make_example(i).key for i in range(7))
