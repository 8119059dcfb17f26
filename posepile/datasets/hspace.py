"""HSPACE: rendered sequences of several animated, dressed people in complex scenes (Bazavan 2021)."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np

from posepile import masks, tf_example
from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets._tfrecord import Record, load_records
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import RawDataError, array, reading
from posepile.frame import Frame, ImageSource
from posepile.prepare.sampling import MemorySampler

RECORDS = "2021_01/train/*.tfrecord"
N_RAW_JOINTS = 63
RAW_INDEX = [*range(8), 9, *range(13, 17), 20, 22, *range(31, 36), 39, 41, *range(50, 63)]  # of our 35 joints
SAMPLER_BUFFER = 20
MIN_SIDE = 100  # px, of a person's box
MAX_METRES = 1e4
_KERNEL = np.ones((4, 4), np.uint8)


@dataclass(frozen=True)
class Hspace(Dataset):
    """HSPACE (2021_01, train), 35 joints of GHUM. The world is the camera's frame, which may move."""

    stored_as_bgr: bool = True
    """Whether the stored images have red and blue exchanged, as those that we know of seem to have."""

    facts: ClassVar[Facts] = Facts(
        id="hspace",
        title="HSPACE (Human-SPACE)",
        role="3d",
        licence="alpha release, after a form; to be used in line with Google's AI principles; no standard licence",
        citation="Bazavan, Zanfir A., Zanfir M., Freeman, Sukthankar, Sminchisescu: HSPACE: Synthetic Parametric "
        "Humans Animated in Complex Environments. arXiv 2112.12867, 2021",
        url="https://github.com/google-research/google-research/tree/master/hspace",
        how_to_get=(
            "Fill in the form at https://github.com/google-research/google-research/tree/master/hspace.",
            "Copy the bucket's folder: gsutil -m cp -r gs://hspace_public/2021_01 ROOT",
            "Images, masks and labels are all in ROOT/2021_01/train/*.tfrecord.",
        ),
        needs=(RECORDS,),
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        return [Sequence(file.stem, "train", root, (file.name,)) for file in sorted(root.glob(RECORDS))]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        file = (sequence.root / RECORDS).with_name(sequence.files[0])
        sampler = MemorySampler(100.0, SAMPLER_BUFFER)  # one for all people
        for i, record in enumerate(load_records(file)):
            features = _Features(file, record)
            poses = [
                features.pose(person) for person in range(features.number("number_of_rigged_characters"))
            ]
            kept = [person for person, pose in enumerate(poses) if sampler.keep(pose)]
            if not kept:
                continue
            labels, camera = features.labels(), features.camera()
            everybody = masks.encode(_cleaned(labels > 0))
            for person in kept:
                mask = masks.encode(_cleaned(_is_person(labels, features.number(f"RIGGED_{person}/mask_id"))))
                if not masks.area(mask) or min((box := masks.box(mask))[2:]) < MIN_SIDE:
                    continue
                yield Frame(
                    key=f"{sequence.name}/{i:08d}_{person:03d}",
                    image=features.image(self.stored_as_bgr),
                    camera=camera,
                    box=box,
                    joints3d=poses[person],
                    mask=everybody,
                    split=sequence.split,
                    tags={"sequence": sequence.name, "frame": str(i), "person": str(person)},
                )


DATASET = Hspace


class _Features:
    """What a record says, checked."""

    def __init__(self, file: Path, record: Record):
        self._file, self._record = file, record
        with reading(file):
            self._lists = tf_example.decode_lists(record.data)

    def number(self, name: str) -> int:
        return int(array(self._file, name, self._list(name), (1,), np.int64)[0])

    def pose(self, person: int) -> np.ndarray:
        """[35, 3] mm, the camera's frame."""
        name = f"RIGGED_{person}/joints_3d"
        metres = array(self._file, name, self._list(name), (3 * N_RAW_JOINTS,), limit=MAX_METRES)
        return 1000 * metres.reshape(N_RAW_JOINTS, 3)[RAW_INDEX]

    def camera(self) -> Camera:
        """The world is what it sees."""
        name = "camera_intrinsics"
        fx, fy, cx, cy = array(self._file, name, self._list(name), (4,))
        intrinsics = _calibration.intrinsics(self._file, name, [[fx, 0, cx], [0, fy, cy], [0, 0, 1]])
        return Camera(intrinsics, world_up=(0, -1, 0))

    def labels(self) -> np.ndarray:
        """[h, w], whose pixel it is."""
        name = "character_masks"
        data = np.frombuffer(self._bytes(name), np.uint8)
        try:
            labels = cv2.imdecode(data, cv2.IMREAD_UNCHANGED) if data.size else None
        except cv2.error as error:
            raise RawDataError(f"{self._file}: {name!r} is damaged ({error.err})") from error
        if labels is None or labels.ndim != 2:
            found = "no image" if labels is None else f"an image of shape {list(labels.shape)}"
            raise RawDataError(f"{self._file}: {name!r} is {found}, expected one with a single channel")
        return labels

    def image(self, is_bgr: bool) -> ImageSource:
        """Where its bytes stand in the file."""
        stored = self._bytes("image/rgb")
        start = self._record.start + self._record.data.index(stored)
        return ImageSource(self._file, part=(start, len(stored)), is_bgr=is_bgr)

    def _bytes(self, name: str) -> bytes:
        values = self._list(name)
        if len(values) != 1 or not isinstance(values[0], bytes):
            raise RawDataError(f"{self._file}: {name!r} has {len(values)} values, expected one, of bytes")
        return values[0]

    def _list(self, name: str) -> list:
        with reading(self._file):
            return self._lists[name]


def _is_person(labels: np.ndarray, mask_id: int) -> np.ndarray:
    """A person has two labels, the second of which is `mask_id`; 0 is nobody's."""
    return ((labels == mask_id) | (labels == mask_id - 1)) & (labels > 0)


def _cleaned(mask: np.ndarray) -> np.ndarray:
    """Without specks; what remains grows a little."""
    return cv2.dilate(cv2.erode(mask.astype(np.uint8), _KERNEL), _KERNEL, iterations=2)
