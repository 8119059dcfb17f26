"""Reading PyTorch's files: right values, and nothing is run, whatever a file asks for."""

import collections
import io
import os
import pickle
import sys
import types

import numpy as np
import pytest

from training.backbones import torch_file
from training.backbones.convert_lite import convert, read_package
from training.backbones.torch_file import read_tensors


def test_reads_contiguous_and_transposed_tensors(torch):
    kernel = np.arange(24, dtype=np.float32).reshape(2, 3, 4)
    tensors = {
        "kernel": (kernel, (0, (2, 3, 4), (12, 4, 1))),
        "transposed": (kernel, (0, (4, 3, 2), (1, 4, 12))),
        "part": (kernel, (5, (3,), (2,))),
        "count": (np.array([7], np.int64), (0, (), ())),
    }
    read = read_tensors(io.BytesIO(torch.save(tensors)), "a.pth")
    np.testing.assert_array_equal(read["kernel"], kernel)
    np.testing.assert_array_equal(read["transposed"], kernel.T)
    np.testing.assert_array_equal(read["part"], [5, 7, 9])
    assert read["count"] == 7 and read["count"].dtype == np.int64


def test_a_pickle_that_runs_something_is_refused(torch):
    class Evil:
        def __reduce__(self):
            return os.system, ("exit 1",)

    for data in (pickle.dumps(Evil()), torch.save({}, first=Evil())):
        with pytest.raises(ValueError, match="a.pth: the pickle asks for .*system; only tensors are read"):
            read_tensors(io.BytesIO(data), "a.pth")


def test_damaged_files_are_refused(torch):
    values = np.arange(6, dtype=np.float32)
    data = torch.save({"x": (values, (0, (6,), (1,)))})
    with pytest.raises(ValueError, match="a.pth: a storage is cut short"):
        read_tensors(io.BytesIO(data[:-4]), "a.pth")
    with pytest.raises(ValueError, match="a.pth: not a PyTorch file"):
        read_tensors(io.BytesIO(data[:40]), "a.pth")
    with pytest.raises(ValueError, match="a.pth: not a PyTorch file"):
        read_tensors(io.BytesIO(b"<!DOCTYPE html>"), "a.pth")
    for view in ((0, (7,), (1,)), (3, (4,), (1,)), (0, (2,), (-1,))):
        with pytest.raises(ValueError, match="lies outside its storage"):
            read_tensors(io.BytesIO(torch.save({"x": (values, view)})), "a.pth")


def test_conversion_renames_and_puts_channels_last():
    rng = np.random.default_rng(0)
    tensors = {
        "_conv_stem.weight": rng.random((8, 3, 5, 4)),  # out, in, height, width
        "_bn0.running_var": rng.random(8),
        "_bn0.num_batches_tracked": np.array(3),
        "_blocks.1._depthwise_conv.weight": rng.random((8, 1, 5, 4)),
        "_blocks.1._bn1.weight": rng.random(8),
        "_blocks.0._project_conv.weight": rng.random((6, 8, 1, 1)),
        "_fc.weight": rng.random((10, 6)),
        "_fc.bias": rng.random(10),
    }
    arrays = convert(tensors, ["block1a", "block2a"])
    assert {name: a.shape for name, a in arrays.items()} == {
        "stem_conv/kernel": (5, 4, 3, 8),
        "stem_bn/moving_variance": (8,),
        "block2a_depthwise/kernel": (5, 4, 8, 1),
        "block2a_depthwise_bn/gamma": (8,),
        "block1a_project/kernel": (1, 1, 8, 6),
        "classifier/kernel": (6, 10),
        "classifier/bias": (10,),
    }
    old = tensors["_conv_stem.weight"], tensors["_blocks.1._depthwise_conv.weight"]
    assert arrays["stem_conv/kernel"][4, 1, 2, 7] == np.float16(old[0][7, 2, 4, 1])
    assert arrays["block2a_depthwise/kernel"][4, 1, 7, 0] == np.float16(old[1][7, 0, 4, 1])


def test_only_the_known_packages_are_converted(tmp_path):
    import zipfile

    with zipfile.ZipFile(tmp_path / "a.whl", "w") as archive:
        archive.writestr("a/b.pth", b"other")
    with pytest.raises(ValueError, match="a.whl: SHA-256 of its .pth files"):
        read_package(tmp_path / "a.whl")


@pytest.fixture
def torch(monkeypatch):
    """Enough of PyTorch to write a file: its names, as the pickle stores them."""
    utils, package = types.ModuleType("torch._utils"), types.ModuleType("torch")

    def rebuild(*_):
        raise NotImplementedError

    rebuild.__module__, rebuild.__qualname__ = "torch._utils", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild
    for name in torch_file.DTYPES:
        setattr(package, name, type(name, (), {"__module__": "torch"}))
    monkeypatch.setitem(sys.modules, "torch", package)
    monkeypatch.setitem(sys.modules, "torch._utils", utils)
    kinds = {np.dtype("f4"): package.FloatStorage, np.dtype("i8"): package.LongStorage}

    class Storage:
        def __init__(self, key, values):
            self.key, self.values = key, values.ravel()

    class Tensor:
        def __init__(self, storage, view):
            self.storage, self.view = storage, view

        def __reduce__(self):
            return rebuild, (self.storage, *self.view, False, collections.OrderedDict())

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            if isinstance(value, Storage):
                return ("storage", kinds[value.values.dtype], value.key, "cpu", value.values.size, None)

    def save(tensors, first=torch_file.MAGIC):
        storages = [Storage(str(i), values) for i, (values, _) in enumerate(tensors.values())]
        named = {n: Tensor(s, view) for (n, (_, view)), s in zip(tensors.items(), storages, strict=True)}
        stream = io.BytesIO()
        for part in (first, torch_file.VERSION, {"little_endian": True}, named, [s.key for s in storages]):
            Pickler(stream, protocol=2).dump(part)
        for storage in storages:
            stream.write(storage.values.size.to_bytes(8, "little") + storage.values.tobytes())
        return stream.getvalue()

    return types.SimpleNamespace(save=save)
