"""Pixels are those that the file stores: frame i is frame i, orientation tags are ignored, damage is an error."""

import struct

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from posepile import images
from posepile.frame import ImageSource
from posepile.images import ImageError, close_videos, read_image

N_FRAMES = 40
IMAGE = cv2.GaussianBlur(np.random.default_rng(0).integers(0, 255, (48, 64, 3), np.uint8), (0, 0), 2)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    """A compressed video with frames that refer to later ones, each of which shows its number."""
    path = tmp_path_factory.mktemp("video") / "numbers.mp4"
    write_video(path, ["-bf", "2", "-g", "12"])
    return path


@pytest.fixture(autouse=True)
def no_open_videos():
    yield
    close_videos()


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp"])
def test_an_image_file_is_rgb(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    cv2.imwrite(str(path), IMAGE[..., ::-1])
    read = read_image(ImageSource(path))
    assert read.dtype == np.uint8 and read.flags.c_contiguous
    assert np.abs(read.astype(int) - IMAGE).max() <= (40 if suffix == ".jpg" else 0)
    np.testing.assert_array_equal(read_image(ImageSource(path, mirrored=True)), read[:, ::-1])


def test_grey_transparent_and_deep_images_become_rgb(tmp_path):
    for name, stored in (("grey", IMAGE[..., 0]), ("deep", IMAGE.astype(np.uint16) * 257),
                         ("transparent", np.dstack([IMAGE, IMAGE[..., 0]]))):  # fmt: skip
        cv2.imwrite(str(tmp_path / f"{name}.png"), stored)
        assert read_image(ImageSource(tmp_path / f"{name}.png")).shape == (48, 64, 3)


def test_the_orientation_tag_is_ignored(tmp_path):
    data = cv2.imencode(".jpg", IMAGE)[1].tobytes()
    exif = b"Exif\0\0MM\0*\0\0\0\x08" + struct.pack(">HHHIHHI", 1, 0x112, 3, 1, 6, 0, 0)
    path = tmp_path / "turned.jpg"
    path.write_bytes(data[:2] + b"\xff\xe1" + struct.pack(">H", len(exif) + 2) + exif + data[2:])
    assert cv2.imread(str(path)).shape == (64, 48, 3)  # the tag is one that OpenCV understands
    assert read_image(ImageSource(path)).shape == (48, 64, 3)


def test_damaged_image_files_are_named(tmp_path):
    with pytest.raises(ImageError, match="missing.jpg: No such file"):
        read_image(ImageSource(tmp_path / "missing.jpg"))
    for suffix in (".jpg", ".png"):
        whole, path = cv2.imencode(suffix, IMAGE)[1].tobytes(), tmp_path / f"cut{suffix}"
        for data in (b"", b"no image", whole[: len(whole) // 2], whole[:30]):
            path.write_bytes(data)
            with pytest.raises(ImageError, match=f"cut{suffix}: {len(data)} bytes"):
                read_image(ImageSource(path))


def test_frame_i_is_frame_i(video):
    for i in (0, 1, 2, 7, 7, 30, 39):
        assert number_of(read_image(ImageSource(video, i))) == i
    for i in (3, 39, 0, 12, 11):  # backwards too
        assert number_of(read_image(ImageSource(video, i))) == i


def test_frames_of_a_changing_rate_are_neither_dropped_nor_repeated(tmp_path):
    path = tmp_path / "uneven.mkv"
    write_video(path, ["-vf", "setpts='(N+mod(N,3)*0.6+floor(N/10)*7)/25/TB'", "-fps_mode", "passthrough"])
    for i in range(N_FRAMES):
        assert number_of(read_image(ImageSource(path, i))) == i


def test_ascending_frames_are_decoded_once(video, monkeypatch):
    opened = count_decoders(monkeypatch)
    for i in (0, 3, 3, 20):
        read_image(ImageSource(video, i))
    assert len(opened) == 1
    read_image(ImageSource(video, 19))
    assert len(opened) == 2


def test_several_videos_stay_open_and_the_oldest_is_closed(tmp_path, video, monkeypatch):
    opened = count_decoders(monkeypatch)
    copies = [tmp_path / f"{i}.mp4" for i in range(images.MAX_OPEN_VIDEOS + 1)]
    for copy in copies:
        copy.write_bytes(video.read_bytes())
    for i in range(3):
        for copy in copies[:-1]:
            assert number_of(read_image(ImageSource(copy, i))) == i
    assert len(opened) == len(copies) - 1
    read_image(ImageSource(copies[-1], 0))
    read_image(ImageSource(copies[-2], 3))  # still open
    assert len(opened) == len(copies)
    read_image(ImageSource(copies[0], 3))
    assert len(opened) == len(copies) + 1


def test_missing_frames_and_damaged_videos_are_named(tmp_path, video):
    with pytest.raises(ImageError, match="numbers.mp4: ends after 40 frames, expected frame 40"):
        read_image(ImageSource(video, N_FRAMES))
    assert number_of(read_image(ImageSource(video, 5))) == 5
    with pytest.raises(ImageError, match="at least 0"):
        read_image(ImageSource(video, -1))
    with pytest.raises(ImageError, match="gone.mp4: no such file"):
        read_image(ImageSource(tmp_path / "gone.mp4", 0))
    for data in (b"", b"no video" * 100, video.read_bytes()[:500]):
        (tmp_path / "bad.mp4").write_bytes(data)
        with pytest.raises(ImageError, match="bad.mp4"):
            read_image(ImageSource(tmp_path / "bad.mp4", 0))


def write_video(path, parameters):
    writer = imageio_ffmpeg.write_frames(str(path), (64, 48), fps=25, output_params=parameters)
    writer.send(None)
    for i in range(N_FRAMES):
        frame = np.zeros((48, 64, 3), np.uint8)
        for bit in range(6):
            frame[:, 10 * bit : 10 * bit + 10] = 255 * (i >> bit & 1)
        writer.send(frame.tobytes())
    writer.close()


def number_of(frame):
    return sum(int(frame[24, 10 * bit + 5, 1] > 127) << bit for bit in range(6))


def count_decoders(monkeypatch):
    opened, real = [], images._decode

    def decode(path):
        opened.append(path)
        return real(path)

    monkeypatch.setattr(images, "_decode", decode)
    return opened


def test_a_quarter_turn_makes_people_on_their_side_upright(tmp_path):
    path = tmp_path / "turned.png"
    assert cv2.imwrite(str(path), np.arange(6 * 3, dtype=np.uint8).reshape(2, 3, 3))
    turned = read_image(ImageSource(path, quarter_turns=1))
    assert turned.shape == (3, 2, 3)
    np.testing.assert_array_equal(turned[:, 1], read_image(ImageSource(path))[0])


def test_a_mosaic_of_a_sensor_becomes_colours(tmp_path):
    mosaic = np.zeros((8, 8), np.uint8)
    mosaic[::2, 1::2] = 200  # red: even rows, odd columns
    path = tmp_path / "raw.pgm"
    assert cv2.imwrite(str(path), mosaic)
    np.testing.assert_array_equal(
        read_image(ImageSource(path, is_mosaic=True))[2:-2, 2:-2], [[(200, 0, 0)] * 4] * 4
    )
    assert read_image(ImageSource(path))[0, 1].tolist() == [200, 200, 200]
