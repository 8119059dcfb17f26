"""My people: photographs with calibrated cameras and 12 joints each. Copy this file and change what differs.

ROOT/photos/<name>.jpg
ROOT/labels.json    {"<name>": {"intrinsics": 3 x 3 px, "rotation": 3 x 3, "position": [x, y, z] m,
                                "joints": 12 x 3 m (null: not labelled), "box": [x, y, w, h] px}}
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from posepile import skeletons
from posepile.cameras import Camera
from posepile.datasets import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import array, inside, load_json
from posepile.frame import Frame, ImageSource

SKELETON = skeletons.own_format(
    "mine",
    "lsho rsho lelb relb lwri rwri lhip rhip lkne rkne lank rank",
    ["lsho-lelb-lwri", "lhip-lkne-lank", "lsho-rsho", "lhip-rhip"],
)


@dataclass(frozen=True)
class MyPeople(Dataset):
    """My people."""

    skeleton: ClassVar = SKELETON  # or skeletons.load("coco"), if your joints are those of a known format
    facts: ClassVar[Facts] = Facts(
        id="my_people", title="My people", role="3d", licence="mine", citation="-", url="https://example.org",
        how_to_get=("Ask me.",), needs=("labels.json", "photos/*.jpg"),
    )  # fmt: skip

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        return [Sequence("all", "train", root)]  # a unit of work; many small ones run in parallel

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        file = sequence.root / "labels.json"
        for name, labels in sorted(load_json(file).items()):
            matrix = [
                array(file, f"{name}.{part}", labels[part], (3, 3)) for part in ("intrinsics", "rotation")
            ]
            position = array(file, f"{name}.position", labels["position"], (3,), limit=100)
            joints = array(
                file, f"{name}.joints", labels["joints"], (len(SKELETON), 3), finite=False, limit=100
            )
            yield Frame(
                key=f"all/{name}",
                image=ImageSource(inside(sequence.root, f"photos/{name}.jpg")),
                camera=Camera(*matrix, 1000 * position, world_up=(0, 0, 1)),
                box=array(file, f"{name}.box", labels["box"], (4,)),
                joints3d=1000 * joints,  # everything is in mm, in the world
                tags={"subject": name},
            )


DATASET = MyPeople
