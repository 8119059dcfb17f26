"""PoseTrack 2018: videos of several people in motion, 15 joints in 2D, tracked (Andriluka 2018)."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import ClassVar

import numpy as np

from posepile.datasets import _coco_json
from posepile.datasets.dataset import Dataset, Detect, Facts, Sequence
from posepile.datasets.raw import inside
from posepile.frame import Frame, ImageSource
from posepile.prepare.matching import match
from posepile.prepare.sampling import Sampler

ANNOTATIONS = "posetrack_data/annotations"
MIN_IOU = 0.1
MOVEMENT = 0.5  # of the diagonal of the head's box


@dataclass(frozen=True)
class PoseTrack(Dataset):
    """PoseTrack 2018, train and val: labelled people that a detector finds, when they have moved."""

    facts: ClassVar[Facts] = Facts(
        id="posetrack",
        title="PoseTrack 2018",
        role="2d",
        licence="non-commercial research; by registration",
        citation="Andriluka, Iqbal, Insafutdinov, Pishchulin, Milan, Gall, Schiele: PoseTrack: A Benchmark for Human "
        "Pose Estimation and Tracking. CVPR 2018",
        url="https://posetrack.net",
        how_to_get=(
            "Register at https://posetrack.net and get the parts of the image archive and the annotations.",
            "Unpack them into ROOT/images/{train,val}/<video>/*.jpg.",
            f"The annotations go to ROOT/{ANNOTATIONS}/{{train,val}}/<video>.json.",
        ),
        needs=(f"{ANNOTATIONS}/train/*.json", "images/train/*"),
        uses_detector=True,
    )

    def sequences(self, root: Path) -> list[Sequence]:
        self.check_present(root)
        return [
            Sequence(f"{split}/{file.stem}", split, root, (split, file.stem))
            for split in ("train", "val")
            for file in sorted((root / ANNOTATIONS / split).glob("*.json"))
        ]

    def read(self, sequence: Sequence, detect: Detect | None = None) -> Iterator[Frame]:
        split, video = sequence.files
        file = sequence.root / ANNOTATIONS / split / f"{video}.json"
        samplers = defaultdict(partial(Sampler, np.inf, check_validity=True))
        for image, people in sorted(_coco_json.load_images(file), key=lambda entry: entry[0]["id"]):
            people = [person for person in people if "bbox" in person.annotation]
            if not people:
                continue
            source = ImageSource(inside(sequence.root, _coco_json.field(file, image, "file_name", str)))
            labelled = np.array([_coco_json.box(file, person) for person in people])
            found = labelled if detect is None else detect(source)
            for i, (person, j) in enumerate(zip(people, match(labelled, found, MIN_IOU), strict=True)):
                if j < 0:
                    continue
                track = _coco_json.field(file, person.annotation, "track_id", int)
                pixels = person.pixels(person.keypoints[:, 2] == 1)
                threshold = MOVEMENT * np.hypot(*_coco_json.box(file, person, "bbox_head")[2:])
                if samplers[track].keep(pixels, threshold):
                    yield Frame(
                        key=f"{sequence.name}/{source.path.stem}_{i:02d}",
                        image=source,
                        camera=None,
                        box=found[j][:4],
                        joints2d=pixels,
                        split=split,
                        tags={"subject": f"{video}/{track}"},
                    )


DATASET = PoseTrack
