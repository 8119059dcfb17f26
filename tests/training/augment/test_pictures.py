"""Pictures promise: folders as `dozens prepare` writes them, in the same order everywhere, within a limit."""

import cv2
import numpy as np
import pytest

from posepile.prepare.image_set import encode
from training.augment import pictures


def write(folder, pixels, *names):
    for name in names:
        suffix, data = encode(pixels)
        path = folder / f"{name}{suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def grey(value, height, width, channels=3):
    return np.full((height, width, channels), value, np.uint8)


def test_photos_are_cut_to_their_middle_square_and_sorted(tmp_path):
    write(tmp_path, grey(200, 60, 80), "01/b")
    photo = grey(100, 50, 90)
    photo[:, :20], photo[:, 70:], photo[..., 2] = 0, 0, 30
    write(tmp_path, photo, "00/z")
    photos = pictures.load_photos(tmp_path, 32)
    assert photos.shape == (2, 3, 48, 48) and photos.dtype == np.uint8
    assert [photos[0, k, 24, 24] for k in range(3)] == pytest.approx([100, 100, 30], abs=3)  # red first; JPEG
    assert photos[0, 0].min() > 90 and photos[1].min() > 195


def test_of_too_many_photos_an_even_choice_is_held(tmp_path, monkeypatch):
    for i in range(9):
        write(tmp_path, grey(20 * i, 24, 24), f"{i}")
    monkeypatch.setattr(pictures, "PHOTO_BYTES", 3 * 3 * 24 * 24 + 1)
    photos = pictures.load_photos(tmp_path, 16)
    assert photos[:, 0, 5, 5].tolist() == pytest.approx([0, 80, 160], abs=2)


def test_cut_outs_keep_their_transparency_and_are_halved(tmp_path):
    picture = grey(0, 40, 16, 4)
    picture[:20], picture[20:] = (255, 0, 0, 255), (0, 255, 0, 64)
    write(tmp_path, picture, "00/2007_000001_00")
    cut_outs = pictures.load_cut_outs(tmp_path)
    np.testing.assert_array_equal(cut_outs[0], picture)
    for scale, height, left in (
        (1.0, 40, 1.0),
        (0.51, 40, 0.51),
        (0.5, 20, 1.0),
        (0.3, 20, 0.6),
        (0.01, 5, 0.08),
    ):
        version, rest = cut_outs.at_scale(0, scale)
        assert (version.shape[0], rest) == (height, pytest.approx(left))
    assert cut_outs.at_scale(0, 1.5)[1] == 1.5
    assert cut_outs.at_scale(0, 0.2)[0][0, 0].tolist() == [255, 0, 0, 255]


@pytest.mark.parametrize(
    "load",
    [lambda folder: pictures.load_photos(folder, 16), pictures.load_cut_outs],
    ids=["photos", "cut-outs"],
)
def test_what_is_not_there_or_damaged_is_named(tmp_path, load):
    with pytest.raises(pictures.PictureError, match="nowhere: no such folder"):
        load(tmp_path / "nowhere")
    with pytest.raises(pictures.PictureError, match="expected .*dozens prepare"):
        load(tmp_path)
    (tmp_path / "a.png").write_bytes(b"\x89PNG and nothing more")
    with pytest.raises(pictures.PictureError, match="a.png: .*expected"):
        load(tmp_path)


def test_a_cut_out_without_transparency_is_refused(tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), grey(3, 8, 8))
    with pytest.raises(pictures.PictureError, match="a.png: uint8 of shape .8, 8, 3., expected 8-bit RGBA"):
        pictures.load_cut_outs(tmp_path)


def test_too_many_cut_outs_are_an_even_choice(tmp_path, monkeypatch):
    for i in range(8):
        write(tmp_path, grey(10 * i, 12, 12, 4), f"{i}")
    monkeypatch.setattr(pictures, "CUT_OUT_BYTES", 4 * 12 * 12 * 4 * 4 / 3)
    assert [int(cut_out[0, 0, 0]) for cut_out in pictures.load_cut_outs(tmp_path)] == [0, 20, 40, 70]


def test_drawn_pictures_stand_in(monkeypatch):
    monkeypatch.setattr(pictures, "DRAWN", 3)
    photos, cut_outs = pictures.drawn_photos.__wrapped__(32), pictures.drawn_cut_outs.__wrapped__()
    assert photos.shape == (3, 3, 48, 48) and photos.flags.c_contiguous
    assert (photos.std(axis=(2, 3)) > 2).any() and (photos[0] != photos[1]).any()
    for cut_out in cut_outs:
        assert max(cut_out.shape[:2]) <= 160 and cut_out.shape[2] == 4
        assert cut_out[..., 3].max() == 255 and cut_out[..., 3].any(axis=0).all()
    np.testing.assert_array_equal(photos, pictures.drawn_photos.__wrapped__(32))
