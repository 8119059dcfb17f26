"""Body models of every release are read, and pose bodies as a slow second implementation does."""

import pickle
from pathlib import Path

import fake_body_models as fakes
import numpy as np
import pytest

from posepile.body_models import find_body_model, load_body_model
from posepile.datasets.raw import RawDataError, load_pickle

GOLDEN = Path(__file__).parent / "golden/chumpy_0_70.pkl"
N = 3


@pytest.fixture(scope="module", params=["smpl", "smplh", "smplx"])
def case(request, tmp_path_factory):
    """(fields, model, pose, shape, translation) with as many joints as the kind has."""
    fields = fakes.fake_body_model(request.param)
    file = tmp_path_factory.mktemp("models") / ("m.npz" if request.param == "smplx" else "m.pkl")
    (fakes.write_npz if request.param == "smplx" else fakes.write_pickle)(file, fields)
    rng = np.random.default_rng(1)
    pose = rng.normal(scale=0.7, size=(N, 3 * fields["weights"].shape[1]))
    return fields, load_body_model(file), pose, rng.normal(size=(N, 10)), rng.normal(scale=3000, size=(N, 3))


def test_joints(case):
    fields, model, pose, shape, translation = case
    expected = [
        fakes.slow_body(fields, *arguments, chosen=[])[0]
        for arguments in zip(pose, shape, translation, strict=True)
    ]
    np.testing.assert_allclose(model.joints(pose, shape, translation), expected, rtol=0, atol=1e-6)


def test_surface(case):
    fields, model, pose, shape, translation = case
    chosen = [5, 7, 5, 59]
    expected = [
        fakes.slow_body(fields, *arguments, chosen=chosen)[1]
        for arguments in zip(pose, shape, translation, strict=True)
    ]
    found = model.surface(chosen, pose, shape, translation)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-3)  # pose directions are float32


def test_one_shape_for_all_poses(case):
    _, model, pose, shape, translation = case
    once = model.joints(pose, shape[:1], translation[:1])
    np.testing.assert_allclose(once, model.joints(pose, shape[[0] * N], translation[[0] * N]), atol=1e-9)
    np.testing.assert_allclose(
        model.joints(pose, shape[:, :4]), model.joints(pose, shape * (np.arange(10) < 4))
    )


def test_the_root_turns_the_body_rigidly(case):
    _, model, pose, shape, _ = case
    turned = pose.copy()
    turned[:, :3] = 0
    a, b = model.joints(pose, shape), model.joints(turned, shape)
    np.testing.assert_allclose(a[:, 0], b[:, 0], atol=1e-9)
    np.testing.assert_allclose(
        np.linalg.norm(a[:, :, None] - a[:, None], axis=-1), np.linalg.norm(b[:, :, None] - b[:, None], axis=-1),
        atol=1e-6,
    )  # fmt: skip


def test_points_of_smplx(tmp_path):
    fields = fakes.fake_body_model("smplx", seed=2)
    fakes.write_npz(tmp_path / "m.npz", fields)
    model = load_body_model(tmp_path / "m.npz")
    rng = np.random.default_rng(3)
    shape, expression, hand = rng.normal(size=10), rng.normal(size=10), rng.normal(size=(1, 12))
    left, right = model.hand_pose("l", hand), model.hand_pose("r", hand)
    np.testing.assert_allclose(left[0], fields["hands_meanl"] + fields["hands_componentsl"][:12].T @ hand[0])
    pose = np.concatenate([rng.normal(scale=0.5, size=(1, 75)), left, right], axis=1)
    expected = fakes.slow_keypoints(fields, pose[0], shape, (10, 20, 30), expression)
    found = model.keypoints(pose, [shape], [(10, 20, 30)], [expression])
    assert found.shape == (1, 127, 3)
    np.testing.assert_allclose(found[0], expected, rtol=0, atol=1e-3)


def test_real_objects_of_chumpy():
    """The golden file was written by chumpy 0.70: an array [2, 3, 4] of 0, 1, …, and its part [..., :2]."""
    from posepile.body_models import _plain

    fields = load_pickle(GOLDEN)
    numbers = np.arange(24.0).reshape(2, 3, 4)
    np.testing.assert_array_equal(_plain(fields["posedirs"]), numbers)
    np.testing.assert_array_equal(_plain(fields["shapedirs"]), numbers[..., :2])
    with pytest.raises(ValueError, match="transpose"):
        _plain(fields["J"])


@pytest.mark.parametrize(
    ("kind", "gender", "name"),
    [
        ("smpl", "male", "smpl/SMPL_MALE.pkl"),
        ("smpl", "female", "smpl/models/basicModel_f_lbs_10_207_0_v1.0.0.pkl"),
        (
            "smpl",
            "neutral",
            "smpl/SMPL_python_v.1.1.0/smpl/models/basicmodel_neutral_lbs_10_207_0_v1.1.0.pkl",
        ),
        ("smplh", "male", "smplh/male/model.npz"),
        ("smplh", "female", "smplh/SMPLH_female.pkl"),
    ],
)
def test_finds_the_names_of_releases(tmp_path, kind, gender, name):
    write = fakes.write_npz if name.endswith("npz") else fakes.write_pickle
    write(tmp_path / name, fakes.fake_body_model(kind))
    assert find_body_model(tmp_path, kind, gender).kind == kind
    with pytest.raises(RawDataError, match=f"{tmp_path}: no {kind} ") as caught:
        find_body_model(tmp_path, kind, {"male": "female"}.get(gender, "male"))
    assert "Register" in caught.value.__notes__[0]
    with pytest.raises(RawDataError, match="no folder of body models"):
        find_body_model(None, kind, gender)


@pytest.mark.parametrize(
    "field", ["v_template", "shapedirs", "posedirs", "J_regressor", "weights", "kintree_table"]
)
@pytest.mark.parametrize("change", ["missing", "cut", "not finite"])
def test_a_faulty_field_is_named(tmp_path, field, change):
    fields = fakes.fake_body_model("smpl")
    if change == "missing":
        del fields[field]
    elif change == "cut":
        fields[field] = fields[field][:-1]
    else:
        fields[field] = np.full(fields[field].shape, np.nan)
    file = tmp_path / "m.npz"
    fakes.write_npz(file, fields)
    with pytest.raises(RawDataError, match=f"{file}.*{field}" if change != "cut" else str(file)):
        load_body_model(file)


def test_wrong_indices_of_the_sparse_regressor(tmp_path):
    fields = fakes.fake_body_model("smpl")
    file = tmp_path / "m.pkl"
    fakes.write_pickle(file, fields)
    data = file.read_bytes()
    indices = fakes.csc_matrix(fields["J_regressor"]).indices.tobytes()
    assert data.count(indices) == 1
    file.write_bytes(data.replace(indices, np.full(len(indices) // 4, 10**9, np.int32).tobytes()))
    with pytest.raises(RawDataError, match=str(file)):
        load_body_model(file)


def test_no_code_of_the_file_runs(tmp_path):
    class Evil:
        def __reduce__(self):
            return print, ("run",)

    (tmp_path / "m.pkl").write_bytes(pickle.dumps({"v_template": Evil()}))
    with pytest.raises(RawDataError, match="print"):
        load_body_model(tmp_path / "m.pkl")


def test_wrong_shapes_of_the_pose(case):
    _, model, pose, shape, _ = case
    with pytest.raises(ValueError, match="pose"):
        model.joints(pose[:, 3:], shape)
    with pytest.raises(ValueError, match="shape"):
        model.joints(pose, np.zeros((N, 400)))
