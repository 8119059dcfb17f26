"""The eight benchmarks, each as a few poses in the original files' layout, in one table.

`perfect` gives what a prediction file of each would hold; `draw_images` adds pixels by which a model can tell images
apart.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import small_aspset
import small_emdb
import small_h36m
import small_mpi
import small_synthetic
import small_tdoh
import small_tdpw
from fakes.scene import write_image, write_video

from evaluation import protocols

SIZE = (64, 48)
FIRST_GREY, GREY_STEP = 20, 12


@dataclass(frozen=True)
class Small:
    """One benchmark."""

    id: str
    write: Callable[[Path], Path]
    """Writes it into a folder, returns the root for `dozens evaluate`."""
    lonely_joint: str
    """One that is no root, and by which people are not matched in the image: moving it moves nothing else."""
    needs_models: bool = False

    def options(self, root: Path) -> dict[str, Any]:
        """The protocol's options that it cannot do without."""
        return {"body_models": str(root.parent / "models")} if self.needs_models else {}

    def column(self, predictions: "Predictions") -> int:
        """Of the lonely joint."""
        return [name.split("_")[0] for name in predictions.joint_names].index(self.lonely_joint)

    def protocol(self, root: Path) -> Any:
        return protocols.load(self.id)(**self.options(root))


SMALL = {
    each.id: each
    for each in (
        Small("h36m", small_h36m.write, "lwri"),
        Small("tdhp", small_mpi.write_tdhp, "htop"),
        Small("mupots", lambda folder: small_mpi.write_mupots(folder, small_mpi.WAVE), "htop"),
        Small("tdpw", small_tdpw.write, "lwri"),
        Small("aspset", small_aspset.write, "rank"),
        Small("tdoh", small_tdoh.write, "rank"),
        Small("emdb", lambda folder: small_emdb.write(folder.parent), "lwri", needs_models=True),
        Small("synthetic", small_synthetic.write, "lwri"),
    )
}
IMAGE_SETS = [id for id in SMALL if id != "synthetic"]
"""Those that `dozens predict` runs on."""


@dataclass(frozen=True, eq=False)
class Predictions:
    """Of one benchmark, n people."""

    names: np.ndarray
    """[n] images, or keys of examples."""
    poses: np.ndarray
    """[n, J, 3] mm, world."""
    joint_names: tuple[str, ...]
    mirror: np.ndarray
    """[J] each joint's partner on the other side."""
    in_camera: np.ndarray
    """[n, J, 3] mm, camera frame, of the truth."""
    to_world: tuple[Callable[[np.ndarray], np.ndarray], ...]
    """[n] from the frame of each one's camera."""

    def mean_pose(self, root: int | tuple[int, ...]) -> np.ndarray:
        """[n, J, 3] mm, world: the mean of all poses relative to the root, in camera directions, put at each root."""
        roots = self.in_camera[:, np.atleast_1d(root)].mean(axis=1, keepdims=True)
        mean = (self.in_camera - roots).mean(axis=0)
        return np.stack([to_world(mean + at) for to_world, at in zip(self.to_world, roots, strict=True)])

    def write(self, path: Path, **changed) -> Path:
        """changed: image_path, poses, joint_names, None to leave out."""
        fields = {
            "names": self.names,
            "poses": self.poses,
            "joint_names": np.array(self.joint_names),
        } | changed
        names, poses = fields.pop("names"), fields.pop("poses").astype(np.float32)
        others = {name: value for name, value in fields.items() if value is not None}
        if names[0].startswith("t:"):
            np.savez(path, key=names, poses=poses, coords3d_pred_world=poses, **others)
        else:
            np.savez(path, image_path=names, coords3d_pred_world=poses, **others)
        return path


def perfect(small: Small, root: Path) -> Predictions:
    """The truth as predictions."""
    if small.id == "synthetic":
        n, skeleton, world = small_synthetic.N, small_synthetic.SKELETON, small_synthetic.poses()
        camera = small_synthetic.CAMERA
        in_camera, cameras = camera.world_to_camera(world), [camera] * n
        names = small_synthetic.keys()
    else:
        protocol = small.protocol(root)
        parts, skeleton = list(protocol.labelled(root)), protocol.skeleton
        names = [name for part in parts for name in part.image_paths]
        world, in_camera = (
            np.concatenate(each)
            for each in zip(*((p.joints, p.in_camera_frame()) for p in parts), strict=True)
        )
        cameras = [camera for part in parts for camera in part.cameras]
    to_world = tuple(camera.camera_to_world for camera in cameras)
    joint_names = skeleton.joints if small.id == "synthetic" else skeleton.union_names
    return Predictions(np.array(names), world, joint_names, np.array(skeleton.mirror), in_camera, to_world)


def draw_images(protocol, root: Path) -> dict[str, int]:
    """Gives every image with a person pixels of a grey of its own; returns the images in the order of their greys."""
    number: dict[str, int] = {}
    for labelled in protocol.labelled(root):
        for name, source in zip(labelled.image_paths, labelled.images, strict=True):
            number.setdefault(name, len(number))
            if source.frame is None:
                write_image(source.path, SIZE, grey(number[name]))
        if labelled.images and labelled.images[0].frame is not None:
            greys = {
                s.frame: grey(number[n]) for n, s in zip(labelled.image_paths, labelled.images, strict=True)
            }
            write_video(
                labelled.images[0].path, SIZE, [greys.get(i, 0) for i in range(max(greys) + 1)], fps=50
            )
    return number


def grey(number: int) -> int:
    return FIRST_GREY + GREY_STEP * number


def number_of(grey: np.ndarray) -> np.ndarray:
    return np.rint((grey - FIRST_GREY) / GREY_STEP).astype(int)
