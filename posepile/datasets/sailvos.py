"""SAIL-VOS: cut scenes of a computer game, with the bones of its characters (Hu 2019)."""

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile import masks
from posepile.cameras import Camera
from posepile.datasets._fit_camera import fit_camera
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, load_npy, load_text_table, reading
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.matching import match

SIZE = (1280, 800)
MOVEMENT_MM = 100.0
MIN_IOU, MAX_AREA_RATIO = 0.1, 2.0
MAX_OCCLUSION = 0.75
MIN_BOX_SIDE = 50.0
MIN_JOINTS = 6
SPREAD_MM = (100.0, 3000.0)  # of the joints about their mean, root of the mean square
MAX_ERROR = 20.0  # px, median of a sequence: root of the mean squared error of a fitted camera
LIMIT_M, LIMIT_PX = 1e5, 1e7

# The rows whose mean is a joint: character models differ in which of them they fill
BONES = {
    "htop": (341, 8), "neck": (61,), "rsho": (216, 234), "relb": (171,), "rwri": (164, 309), "lsho": (255, 39),
    "lelb": (330,), "lwri": (108,), "rhip": (45, 294), "rkne": (215, 131, 253), "rank": (295,), "lhip": (144, 315),
    "lkne": (147, 342, 27), "lank": (85,), "spin": (152,), "head": (206, 128, 102), "pelv": (307, 312),
    "rtoe": (130,), "ltoe": (11,), "nose": (167, 188, 191, 310), "reye": (194, 193, 236, 78),
    "leye": (227, 304, 58, 229), "rear": (37, 260, 195), "lear": (47, 148, 232), "rhan": (323,), "lhan": (160,),
}  # fmt: skip
N_BONES = 343


@dataclass(frozen=True)
class SailVos(Dataset):
    """SAIL-VOS, 26 joints, training and validation part as one; cameras are fitted to the pixels of the bones."""

    facts: ClassVar[Facts] = Facts(
        id="sailvos",
        title="SAIL-VOS with poses",
        role="3d",
        licence="terms are on the site; the poses are not public, the maintainers decide",
        citation="Hu, Chen, Hui, Huang, Schwing: SAIL-VOS: Semantic Amodal Instance Level Video Object Segmentation - "
        "A Synthetic Dataset and Baselines. CVPR 2019",
        url="https://sailvos.web.illinois.edu",
        how_to_get=(
            "Get download_sailvos.sh from https://sailvos.web.illinois.edu and run it in ROOT.",
            "Ask the maintainers for sailvos_pose_training.tar and sailvos_pose_val.tar; unpack them and their zips in "
            "ROOT, so that the bones lie beside the masks.",
            "Then there are ROOT/<sequence>/images/<frame>.bmp, visible/<frame>.npy and "
            "<object>_Ped_<…>/<frame>{.png,_2d.txt,_3d.txt}.",
            "To save space, images may be .jpg, and visible .npz with the key visible_ids.",
        ),
        needs=("*/images/*", "*/visible/*", "*/*_Ped_*/*.png", "*/*_Ped_*/*_2d.txt", "*/*_Ped_*/*_3d.txt"),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        names = sorted({folder.parent.name for folder in root.glob("*/*_Ped_*") if folder.is_dir()})
        return [Sequence(name, "train", root, (name,)) for name in names]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        folder = sequence.root / sequence.files[0]
        shown = defaultdict(list)
        for person in self._moved_people(folder):
            shown[person.frame].append(person)
        ids_of = _ids_with_mask(folder)
        frames = []
        for number in sorted(shown):
            frames += self._examples(sequence, folder, shown[number], ids_of[number], detect)
        if frames:
            yield from _recentred(frames)

    def _moved_people(self, folder: Path) -> list["_Person"]:
        """Those whose camera can be fitted and who have moved, person after person."""
        reference, people, errors = None, [], []
        for file in sorted(folder.glob("*_Ped_*/*_2d.txt"), key=str):
            bones, pixels = _bones(file)
            joints = self._joints(bones)
            if reference is not None and not has_moved(joints, reference):
                continue
            is_known = np.isfinite(bones).all(axis=1) & np.isfinite(pixels).all(axis=1)
            fitted = fit_camera(bones[is_known], pixels[is_known], SIZE)
            if fitted is None:
                continue
            reference = joints
            errors.append(fitted.error)
            people.append(_Person(*_names(file), file, joints, fitted.camera))
        if errors and not np.median(errors) <= MAX_ERROR:
            raise RawDataError(
                f"{folder}: fitted cameras are {np.median(errors):.0f} px off (median), expected < {MAX_ERROR:.0f}"
            )
        return people

    def _joints(self, bones: np.ndarray) -> np.ndarray:
        """[26, 3] mm of bones [B, 3]: the mean of the known ones of each joint."""
        joints = np.full((len(self.skeleton), 3), np.nan)
        for j, name in enumerate(self.skeleton.joints):
            rows = bones[list(BONES[name])]
            known = np.isfinite(rows)
            if known.any(axis=0).all():
                joints[j] = np.where(known, rows, 0).sum(axis=0) / known.sum(axis=0)
        return joints

    def _examples(
        self,
        sequence: Sequence,
        folder: Path,
        people: list["_Person"],
        ids: list[int],
        detect: Detect | None,
    ) -> Iterator[Frame]:
        """The people of one image who are examples; the mask has everybody."""
        name = f"{people[0].frame:06d}"
        visible = _visible(folder / "visible", name)
        modal = [masks.encode(visible == person.id) for person in people]
        person_boxes = np.array([masks.box(m) if masks.area(m) else np.zeros(4) for m in modal])
        image = ImageSource(_first_of(folder / "images", name, ".jpg", ".bmp"))
        found = person_boxes if detect is None else np.asarray(detect(image), float)
        assigned = match(person_boxes, found, MIN_IOU, MAX_AREA_RATIO)
        everybody = masks.encode(np.isin(visible, ids))
        for person, own, box, d in zip(people, modal, person_boxes, assigned, strict=True):
            if d < 0 or box[2:].min() <= MIN_BOX_SIDE or not has_plausible_spread(person.joints):
                continue
            if person.occlusion(own) > MAX_OCCLUSION:
                continue
            yield Frame(
                key=f"{sequence.name}/{name}_{person.id}",
                image=image,
                camera=person.camera,
                box=found[d][:4],
                joints3d=person.joints,
                mask=everybody,
                split="train",
                tags={"sequence": sequence.name, "subject": f"{sequence.name}/{person.id}"},
            )


DATASET = SailVos


@dataclass(frozen=True, eq=False)
class _Person:
    """A character in a frame: the object's id, the file of his pixels, joints [26, 3] mm and the fitted camera."""

    id: int
    frame: int
    file: Path
    joints: np.ndarray
    camera: Camera

    def occlusion(self, visible: dict) -> float:
        """How much of the silhouette others hide."""
        silhouette = self.file.with_name(self.file.name.replace("_2d.txt", ".png"))
        with reading(silhouette):
            area = (read_image(ImageSource(silhouette))[..., 0] > 0).sum()
        return 1 - masks.area(visible) / area if area else 1.0


def has_moved(joints: np.ndarray, reference: np.ndarray) -> bool:
    """Whether some joint known in both poses [J, 3] is 100 mm from where it was."""
    distances = np.linalg.norm(joints - reference, axis=1)
    return bool((distances >= MOVEMENT_MM).any())  # NaN compares as False


def has_plausible_spread(joints: np.ndarray) -> bool:
    """Whether there are enough joints [J, 3], neither in one place nor all over the scene."""
    known = joints[np.isfinite(joints).all(axis=1)]
    if len(known) < MIN_JOINTS:
        return False
    spread = np.sqrt(np.square(known - known.mean(axis=0)).sum(axis=1).mean())
    return bool(SPREAD_MM[0] < spread < SPREAD_MM[1])


def _bones(file: Path) -> tuple[np.ndarray, np.ndarray]:
    """World [B, 3] mm and pixels [B, 2] of all bones; NaN where the game has none."""
    pixels = array(file, "rows", load_text_table(file), (None, 2), limit=LIMIT_PX)
    other = file.with_name(file.name.replace("_2d.txt", "_3d.txt"))
    world = 1000 * array(other, "rows", load_text_table(other), (len(pixels), 3), limit=LIMIT_M)
    if len(pixels) < N_BONES:
        raise RawDataError(f"{file}: {len(pixels)} rows, expected at least {N_BONES}")
    # Off-screen: minus the image's size. It stands in either column, as far as others have seen
    is_off = np.isin(pixels[:, 0], (-SIZE[0], -SIZE[1])) | (pixels[:, 1] == -SIZE[1])
    return np.where(world == 0, np.nan, world), np.where(is_off[:, np.newaxis], np.nan, pixels)


def _names(file: Path) -> tuple[int, int]:
    """The object's id and the frame's number."""
    parts = [text.partition("_")[0] for text in (file.parent.name, file.name)]
    if not all(re.fullmatch(r"\d{1,9}", part, re.ASCII) for part in parts):
        raise RawDataError(f"{file}: expected <object>_Ped_<…>/<frame>_2d.txt with numbers")
    return int(parts[0]), int(parts[1])


def _ids_with_mask(folder: Path) -> dict[int, list[int]]:
    """The objects that are people, by frame."""
    found = defaultdict(list)
    for file in sorted(folder.glob("*_Ped_*/*.png"), key=str):
        id, frame = _names(file.with_suffix(""))
        found[frame].append(id)
    return found


def _first_of(folder: Path, name: str, *endings: str) -> Path:
    """The converted file, or the one as released."""
    paths = [folder / f"{name}{ending}" for ending in endings]
    return next((path for path in paths if path.exists()), paths[-1])


@lru_cache(maxsize=1)
def _visible(folder: Path, name: str) -> np.ndarray:
    """[800, 1280] int: the object that each pixel shows."""
    file = _first_of(folder, name, ".npz", ".npy")
    loaded = load_npy(file)
    with reading(file):
        ids = loaded["visible_ids"] if isinstance(loaded, dict) else loaded
    return array(file, "visible_ids", ids, SIZE[::-1], np.int64)


def _recentred(frames: list[Frame]) -> list[Frame]:
    """The same with the mean of the cameras as the world's origin, which was kilometres away."""
    origin = np.mean([frame.camera.position for frame in frames], axis=0)
    return [
        replace(
            frame,
            camera=replace(frame.camera, position=frame.camera.position - origin),
            joints3d=frame.joints3d - origin,
        )
        for frame in frames
    ]
