"""Photos and videos of every usual kind come in as RGB; anything else is an error that names the file."""

import subprocess

import cv2
import imageio_ffmpeg
import numpy as np
import pytest

from serving import media

SIZE = (64, 48)
BRIGHTNESS = np.arange(0, 250, 25)  # of the frames of the test video


@pytest.mark.parametrize("ending", [".png", ".bmp", ".tif", ".webp", ".jpg", ".JPEG"])
def test_photo_round_trip(tmp_path, photo, ending):
    path = tmp_path / f"a{ending}"
    media.write_photo(path, photo)
    tolerance = 0 if ending in (".png", ".bmp", ".tif") else 12  # grey values; the others compress with loss
    difference = np.abs(media.read_photo(path).astype(int) - photo)
    assert difference.max() <= tolerance


def test_grey_alpha_and_16_bit_photos_become_rgb(tmp_path, photo):
    variants = {
        "grey": cv2.cvtColor(photo, cv2.COLOR_RGB2GRAY),
        "rgba": np.dstack([photo[..., ::-1], photo[..., 0]]),
        "deep": photo[..., ::-1].astype(np.uint16) * 257,
    }
    for name, image in variants.items():
        cv2.imwrite(str(tmp_path / f"{name}.png"), image)
        read = media.read_photo(tmp_path / f"{name}.png")
        expected = np.repeat(image[..., np.newaxis], 3, axis=2) if name == "grey" else photo
        np.testing.assert_array_equal(read, expected)


def test_photo_is_turned_as_its_exif_tag_says(tmp_path, photo):
    data = cv2.imencode(".jpg", photo[..., ::-1])[1].tobytes()
    # APP1 with one TIFF entry: orientation (0x0112) 6, "turn by 90 degrees clockwise"
    tiff = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0"
    exif = b"Exif\0\0" + tiff
    (tmp_path / "a.jpg").write_bytes(
        data[:2] + b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif + data[2:]
    )
    read = media.read_photo(tmp_path / "a.jpg")
    assert np.abs(read.astype(int) - np.rot90(photo, -1)).max() <= 12
    assert media.exif_orientation(tmp_path / "a.jpg") == 6
    media.write_photo(tmp_path / "plain.jpg", photo)
    assert media.exif_orientation(tmp_path / "plain.jpg") == 1


@pytest.mark.parametrize("ending", [".jpg", ".png", ".webp", ".tif"])
@pytest.mark.parametrize("kept", [0.0, 0.1, 0.9])
def test_photo_that_is_cut_off(tmp_path, photo, ending, kept):
    data = cv2.imencode(ending, photo)[1].tobytes()
    path = tmp_path / f"a{ending}"
    path.write_bytes(data[: int(kept * len(data))])
    with pytest.raises(media.MediaError, match=rf"a\{ending}: not a readable image"):
        media.read_photo(path)


def test_file_names(tmp_path):
    (tmp_path / "A.MP4").touch()
    (tmp_path / "b.jpeg").touch()
    (tmp_path / "c.txt").touch()
    assert media.is_video(tmp_path / "A.MP4") and not media.is_video(tmp_path / "b.jpeg")
    with pytest.raises(media.MediaError, match=r"c.txt: ending '.txt', expected one of .avi, .bmp"):
        media.is_video(tmp_path / "c.txt")
    for absent in (tmp_path / "d.jpg", tmp_path):
        with pytest.raises(media.MediaError, match="no such file"):
            media.is_video(absent)


@pytest.fixture(scope="module")
def video(tmp_path_factory):
    path = tmp_path_factory.mktemp("video") / "v.mp4"
    with media.video_writer(path, fps=12.5) as write:
        for value in BRIGHTNESS:
            frame = np.full((SIZE[1] + 1, SIZE[0], 3), value, np.uint8)  # odd: the last row is cut off
            frame[:, : SIZE[0] // 2, 2] = 0
            write(frame)
    return path


def test_video_round_trip(video):
    with media.open_video(video) as opened:
        assert opened.size == SIZE and opened.fps == 12.5
        assert opened.count == len(BRIGHTNESS)
        indices, frames = zip(*opened.frames, strict=True)
    assert indices == tuple(range(len(BRIGHTNESS)))
    assert len(frames) == len(BRIGHTNESS) and frames[0].shape == (SIZE[1], SIZE[0], 3)
    for frame, value in zip(frames, BRIGHTNESS, strict=True):
        right = frame[:, 40:].mean(axis=(0, 1))
        np.testing.assert_allclose(right, value, atol=8)  # the codec's loss, of 255
    assert frames[-1][:, :24, 2].mean() < 40 < frames[-1][:, :24, 0].mean()  # RGB, not BGR


def test_video_is_read_one_frame_at_a_time(video):
    with media.open_video(video) as opened:
        _, first = next(opened.frames)
    assert first.mean() < 10  # and leaving early ends the reader without an error


def test_video_is_turned_as_its_metadata_says(tmp_path, video):
    ffmpeg(tmp_path, "-display_rotation", "90", "-i", str(video), "-c", "copy", "turned.mp4")
    with media.open_video(tmp_path / "turned.mp4") as opened:
        assert opened.size == SIZE[::-1] and next(opened.frames)[1].shape == (SIZE[0], SIZE[1], 3)


def test_files_that_are_no_videos(tmp_path):
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("not a video")
    ffmpeg(tmp_path, "-f", "lavfi", "-i", "sine=duration=0.2", "sound.mp4")
    for name in ("empty", "text", "sound"):
        with pytest.raises(media.MediaError, match=f"{name}.mp4: not a readable video"):
            with media.open_video(tmp_path / f"{name}.mp4"):
                pass


def test_video_that_is_cut_off(tmp_path, video):
    ffmpeg(tmp_path, "-i", str(video), "-c", "copy", "-movflags", "faststart", "whole.mp4")
    data = (tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(data[: data.index(b"mdat") + 900])
    seen = []
    with pytest.raises(media.MediaError, match=r"cut.mp4: ended after \d frames, expected about 10"):
        with media.open_video(tmp_path / "cut.mp4") as opened:
            seen.extend(opened.frames)
    assert 0 < len(seen) < 10


def test_video_without_frames(tmp_path, monkeypatch):
    facts = {"size": (4, 4), "fps": 25.0, "duration": 0.0}
    monkeypatch.setattr(imageio_ffmpeg, "read_frames", lambda path: (part for part in [facts]))
    with pytest.raises(media.MediaError, match="v.mp4: a video without frames"):
        with media.open_video(tmp_path / "v.mp4") as opened:
            next(opened.frames)


def test_writing_no_frame_leaves_no_file(tmp_path):
    with media.video_writer(tmp_path / "v.mp4", fps=25):
        pass
    assert not (tmp_path / "v.mp4").exists()


def ffmpeg(folder, *arguments):
    command = [imageio_ffmpeg.get_ffmpeg_exe(), "-loglevel", "error", *arguments]
    subprocess.run(command, check=True, cwd=folder)
