"""The worst people of a benchmark as a page: over their image, from the front and from the side."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from evaluation import report_html as html
from evaluation.pose_pictures import PoseExamplePicture, draw_each_format
from posepile import skeletons
from posepile.cameras import Camera, warp_image
from posepile.frame import ImageSource
from posepile.images import ImageError, close_videos, read_image
from posepile.skeletons import Skeleton
from posepile.store import Store

SIDE = 128  # px of a crop
MARGIN = 1.3  # of the crop around the true joints
TITLE = "predicted"
CAPTION = """Worst first, by mean root-relative error. Prediction in colour; the truth is white over the image, grey
in the views from the front and from the side."""


def write_gallery(found: Mapping[str, Any], folder: Path, limit: int) -> list[Path]:
    """Writes worst_MODEL.html for each model of a document of `benchmark_results`; returns the files.

    An image that cannot be read is grey; the page says how many.
    """
    paths = []
    for name, model in found["models"].items():
        worst = model["details"].get("worst", [])[:limit]
        if worst:
            skeleton = _skeleton(found["protocol"]["skeleton"])
            pictures, n_unread = [], 0
            for entry in worst:
                example, is_read = _example(entry)
                n_unread += not is_read
                caption = f"{entry['mpjpe']:.0f} mm: {entry['image_path']}, person {entry['person']}"
                pictures.append(html.picture(draw_each_format(example, skeleton, TITLE), caption))
            unread = [html.text(f"{n_unread} images could not be read.")] if n_unread else []
            heading = f"{found['title']}: where {name} is worst"
            paths.append(folder / f"worst_{name.replace('/', '_')}.html")
            paths[-1].write_text(
                html.page(heading, [html.section(heading, html.text(CAPTION), *unread, *pictures)]),
                encoding="utf-8",
            )
    close_videos()
    return paths


def _example(entry: Mapping[str, Any]) -> tuple[PoseExamplePicture, bool]:
    """The picture, in the frame of a camera that looks at the person; and whether there are pixels."""
    true, predicted = (np.array(entry[key], np.float64) for key in ("true", "predicted"))
    camera = Camera(
        entry["intrinsics"], distortion=np.array(entry["distortion"]), world_up=np.array(entry["up"])
    )
    pixels = camera.camera_to_image(true[np.isfinite(true).all(axis=1)])
    turned = camera.turned_to((np.nanmin(pixels, axis=0) + np.nanmax(pixels, axis=0)) / 2)
    seen = turned.world_to_image(true)
    extent = MARGIN * max(np.nanmax(np.ptp(seen[np.isfinite(seen).all(axis=1)], axis=0)), 1.0)
    crop = turned.with_square_pixels().zoomed(SIDE / extent)
    crop = crop.with_principal_point(((SIDE - 1) / 2, (SIDE - 1) / 2))
    image = np.full((SIDE, SIDE, 3), 128, np.uint8)
    is_read = False
    if entry["file"]:
        try:
            pixels = _pixels(Path(entry["file"]), entry["frame"])
            image, is_read = (
                warp_image(pixels, camera, crop, (SIDE, SIDE), interpolation=cv2.INTER_AREA),
                True,
            )
        except ImageError:
            pass  # counted, and said on the page
    poses = {TITLE: crop.world_to_camera(predicted)}
    picture = PoseExamplePicture(
        entry["image_path"], image, crop.intrinsics, crop.world_to_camera(true), poses
    )
    return picture, is_read


def _pixels(file: Path, frame: int | None) -> np.ndarray:
    """[h, w, 3] RGB of an image, a frame of a video, or a row of a store."""
    if not file.is_dir():
        return read_image(ImageSource(file, frame))
    (example,) = Store.open(file).examples([frame])
    return cv2.imdecode(np.frombuffer(example.image, np.uint8), cv2.IMREAD_COLOR_RGB)


def _skeleton(name: str) -> Skeleton:
    """One that is known, or a union of formats: "smpl+h36m"."""
    return skeletons.load(name) if name in skeletons.names() else skeletons.union(name.split("+"))
