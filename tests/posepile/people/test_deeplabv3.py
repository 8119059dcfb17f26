"""DeepLabv3+ through keras-hub: an untrained small network stands in for the preset."""

import cv2
import numpy as np
import pytest

from posepile.people import load_segmenter

keras_hub = pytest.importorskip("keras_hub", reason="keras-hub is not installed (extra `prepare`)")


def small_network(classes=21, activation=None):
    encoder = keras_hub.models.ResNetBackbone(
        input_conv_filters=[64],
        input_conv_kernel_sizes=[7],
        stackwise_num_filters=[64, 8, 8, 8],
        stackwise_num_blocks=[1, 1, 1, 1],
        stackwise_num_strides=[1, 2, 2, 2],
        block_type="basic_block",
    )
    backbone = keras_hub.models.DeepLabV3Backbone(
        image_encoder=encoder,
        low_level_feature_key="P2",
        spatial_pyramid_pooling_key="P5",
        upsampling_size=8,
        dilation_rates=[6, 12, 18],
        projection_filters=4,
    )
    converter = keras_hub.layers.DeepLabV3ImageConverter(image_size=(96, 96), scale=1 / 255)
    preprocessor = keras_hub.models.DeepLabV3ImageSegmenterPreprocessor(image_converter=converter)
    return keras_hub.models.DeepLabV3ImageSegmenter(
        backbone, num_classes=classes, activation=activation, preprocessor=preprocessor
    )


@pytest.fixture(scope="module")
def preset(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deeplab") / "preset"
    model = small_network()
    model.output_conv.kernel.assign(model.output_conv.kernel * 50)  # so that probabilities differ
    model.save_to_preset(str(folder))
    return folder, model


def test_gives_the_probability_of_a_person(preset, photo):
    """Against the sheet's steps in NumPy: padding at the top and left, softmax, class 15, back to the size."""
    folder, model = preset
    found = load_segmenter("deeplabv3", folder).segment(photo)
    square = np.zeros((512, 512, 3), np.uint8)
    square[128:] = cv2.resize(photo, (512, 384), interpolation=cv2.INTER_LINEAR)
    logits = np.asarray(model(square[np.newaxis] / np.float32(255), training=False))[0]  # not its default
    exponentials = np.exp(logits - logits.max(axis=-1, keepdims=True))
    person = exponentials[128:, :, 15] / exponentials[128:].sum(axis=-1)
    expected = cv2.resize(person, (160, 120), interpolation=cv2.INTER_AREA)
    assert found.dtype == np.float32 and found.shape == (120, 160)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-5)
    assert found.std() > 1e-3


def test_refuses_other_classes_and_folders(tmp_path):
    small_network(classes=2).save_to_preset(str(tmp_path / "two"))
    with pytest.raises(ValueError, match="2 classes, expected Pascal VOC's 21"):
        load_segmenter("deeplabv3", tmp_path / "two")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ValueError, match="empty: not the folder of a DeepLabV3 preset"):
        load_segmenter("deeplabv3", tmp_path / "empty")
    with pytest.raises(FileNotFoundError, match="absent: the weights of segmenter deeplabv3 are not there"):
        load_segmenter("deeplabv3", tmp_path / "absent")


def test_says_what_to_do_offline(monkeypatch):
    def refuse(*_, **__):
        raise ConnectionError("no route to host")

    monkeypatch.setattr(keras_hub.models.DeepLabV3ImageSegmenter, "from_preset", refuse)
    with pytest.raises(OSError, match="cannot fetch the preset .* no route to host.*bring its folder"):
        load_segmenter("deeplabv3")
