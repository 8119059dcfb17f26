"""SURREAL: SMPL bodies in motion-captured poses, rendered into photos (Varol 2017)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
from scipy.spatial.transform import Rotation

from posepile import masks
from posepile.body_models import find_body_model
from posepile.cameras import Camera
from posepile.datasets import _smpl
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_mat, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.crop import Crop, WholeImage
from posepile.prepare.sampling import Sampler

SPLITS = ("train", "val", "test")
SIZE = (320, 240)
FOCAL = 600.0
# The released images are mirror images; mirrored back, x points along the world's z axis.
ROTATION = np.array([[0.0, 0, 1], [0, 1, 0], [-1, 0, 0]])
# The renderer's 160, 120 is the image's centre, where pixels are areas and not points
INTRINSICS = np.array([[FOCAL, 0, (SIZE[0] - 1) / 2], [0, FOCAL, (SIZE[1] - 1) / 2], [0, 0, 1]])
GENDERS = ("female", "male")
FIELDS = ("joints3D", "pose", "shape", "zrot", "camLoc", "gender")
LIMIT = 1000.0  # m


@dataclass(frozen=True)
class Surreal(Dataset):
    """SURREAL (CMU part), 24 joints of SMPL, all splits; images are mirrored, which makes left what was right."""

    body_models: Path | None = None
    """Folder with the licensed body models (smpl/…): the joints are those of SMPL in the given pose and shape."""
    released_joints: bool = False
    """Take the joints as released, without a body model; other than those of SMPL that the rest of the pile has."""

    facts: ClassVar[Facts] = Facts(
        id="surreal",
        title="SURREAL (CMU part)",
        role="3d",
        licence="non-commercial research only, after registration; no redistribution",
        citation="Varol, Romero, Martin, Mahmood, Black, Laptev, Schmid: Learning from Synthetic Humans. CVPR 2017",
        url="https://www.di.ens.fr/willow/research/surreal/data/",
        how_to_get=(
            "Register at https://www.di.ens.fr/willow/research/surreal/data/ and get SURREAL_v1.tar.gz (86 GB).",
            "Unpack it and move what is in its folder cmu to ROOT/{train,val,test}/run<0,1,2>/<sequence>.",
            "Get SMPL 1.1.0 for Python from https://smpl.is.tue.mpg.de, put its files into FOLDER/smpl and give "
            "FOLDER as --body-models.",
        ),
        needs=("*/run*/*/*_info.mat", "*/run*/*/*_segm.mat"),
    )
    crop: ClassVar[Crop] = WholeImage()
    is_filtered: ClassVar[bool] = False

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        found = []
        for split in SPLITS:
            for folder in sorted({file.parent for file in (root / split).glob("run*/*/*_info.mat")}):
                parts = (split, folder.parent.name, folder.name)
                found.append(Sequence("/".join(parts), split, root, parts))
        if not found:
            raise RawDataError(f"{root}: no {{{','.join(SPLITS)}}}/run*/*/*_info.mat")
        return found

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        for info in sorted(sequence.root.joinpath(*sequence.files).glob("*_info.mat")):
            clip = info.name.removesuffix("_info.mat")
            labels = load_mat(info, *FIELDS)
            joints, gender = self._joints(info, labels)
            camera = _camera(info, labels["camLoc"])
            sampler = Sampler(100.0)
            kept = [i for i, pose in enumerate(joints) if sampler.keep(pose)]
            for i, mask in zip(kept, _masks(info.with_name(f"{clip}_segm.mat"), kept), strict=True):
                if not masks.area(mask):
                    continue  # the person is outside the image; the sampler counts him all the same
                yield Frame(
                    key=f"{sequence.name}/{clip.rpartition('_')[2]}/{i:06d}",
                    image=_image(info.with_name(f"{clip}.mp4"), i),
                    camera=camera,
                    box=masks.box(mask),
                    joints3d=joints[i],
                    mask=mask,
                    split=sequence.split,
                    tags={"sequence": sequence.files[2], "gender": gender},
                )

    def _joints(self, info: Path, labels: dict) -> tuple[np.ndarray, str]:
        """[T, 24, 3] mm, world, in our order; and the gender."""
        gender = array(info, "gender", np.ravel(labels["gender"]), (None,), np.int64)
        n = len(gender)
        if not n or gender[0] not in (0, 1):
            raise RawDataError(f"{info}: 'gender' is {gender[:1].tolist()}, expected 0 (female) or 1 (male)")
        name = GENDERS[gender[0]]
        with reading(info):  # MATLAB drops the last axis of a clip of one frame
            released = np.reshape(labels["joints3D"], (3, 24, n)).transpose(2, 1, 0)
        released = 1000 * array(info, "joints3D", released, (n, 24, 3), limit=LIMIT)
        if self.released_joints:
            return released[:, _smpl.SMPL], name
        pose = array(info, "pose", np.transpose(labels["pose"]), (n, 72), limit=LIMIT)
        shape = array(info, "shape", np.transpose(labels["shape"]), (n, 10), limit=LIMIT)
        zrot = array(info, "zrot", np.ravel(labels["zrot"]), (n,), limit=LIMIT)
        upright = Rotation.from_euler("x", np.pi / 2) * Rotation.from_rotvec(zrot[:, np.newaxis] * [0, 0, 1])
        pose[:, :3] = (upright * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
        joints = find_body_model(self.body_models, "smpl", name).joints(pose, shape)
        return (joints - joints[:, :1] + released[:, :1])[:, _smpl.SMPL], name


DATASET = Surreal


def _camera(info: Path, position) -> Camera:
    position = 1000 * array(info, "camLoc", np.ravel(position), (3,), limit=LIMIT)
    return Camera(INTRINSICS, ROTATION, position, world_up=(0, -1, 0))


def _masks(file: Path, frames: list[int]) -> list[dict]:
    """The person in the mirrored images, from body parts 1 to 24 on 0."""
    names = [f"segm_{i + 1}" for i in frames]
    parts = load_mat(file, *names) if names else {}
    mirrored = (array(file, name, parts[name], SIZE[::-1], np.uint8)[:, ::-1] for name in names)
    return [masks.encode(parts) for parts in mirrored]


def _image(video: Path, frame: int) -> ImageSource:
    """A frame of the video; or the image that some people extract it to, mirrored already."""
    if video.exists():
        return ImageSource(video, frame, mirrored=True)
    return ImageSource(video.with_suffix("") / f"frame_{frame:06d}.jpg")
