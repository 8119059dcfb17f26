"""One sequence of raw files becomes a small store of its own: the unit of work of a preparation."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, astuple, dataclass, replace
from functools import cache
from pathlib import Path
from typing import NamedTuple

import cv2
import numpy as np

from posepile import masks
from posepile.datasets.dataset import Dataset, Detect, Sequence
from posepile.example import PoseExample
from posepile.frame import Frame, ImageSource
from posepile.images import read_image
from posepile.prepare.crop import Cropped
from posepile.prepare.filters import bone_lengths
from posepile.skeletons import Skeleton
from posepile.store import Store, StoreWriter

JPEG_QUALITY = 95
MASK_THRESHOLD = 0.2  # probability of the segmenter from which a pixel is a person's
BONES_FILE = "bones.npy"


@dataclass(frozen=True)
class Tools:
    """The networks that help where a data set has no boxes or masks: names of posepile.people, "" for none."""

    detector: str = ""
    detector_weights: Path | None = None
    segmenter: str = ""
    segmenter_weights: Path | None = None

    @contextmanager
    def detecting(self, root: Path, memory: Path) -> Iterator[Detect | None]:
        """The detector, made once a process; what it finds in images below `root` stays in the folder `memory`."""
        if not self.detector:
            yield None
            return
        from posepile.people import CachedDetector

        with CachedDetector(_detector(self.detector, self.detector_weights), memory) as detector:
            yield lambda source: detector.detect(_name(source, root), lambda: read_image(source))

    def segment(self, image: np.ndarray) -> dict | None:
        """The mask of all people in an image [h, w, 3] uint8; None without a segmenter."""
        if not self.segmenter:
            return None
        probability = _segmenter(self.segmenter, self.segmenter_weights).segment(image)
        return masks.encode(probability > MASK_THRESHOLD)


class UnitReport(NamedTuple):
    """What became of a sequence."""

    name: str
    n_examples: int
    n_rejected: int


def unit_path(out: Path, sequence: Sequence) -> Path:
    """Where the store of a sequence lies while the data set is being prepared."""
    return out / "units" / hashlib.sha256(sequence.name.encode()).hexdigest()[:20]


def memory_path(out: Path) -> Path:
    """Where detections are remembered: beside the store, whose bytes they must not change."""
    return out.with_name(f"{out.name}.detections")


def provenance(dataset: Dataset, tools: Tools) -> dict:
    """What a prepared store depends on besides the raw files; plain values."""
    options = {
        name: str(value) if isinstance(value, Path) else value for name, value in asdict(dataset).items()
    }
    return {
        "data_set": dataset.facts.id,
        "options": options,
        "crop": repr(dataset.crop),
        "detector": tools.detector if dataset.facts.uses_detector else "",
        "segmenter": tools.segmenter,
    }


def prepare_unit(dataset: Dataset, sequence: Sequence, out: Path, tools: Tools) -> UnitReport:
    """Writes the store of one sequence; atomic, and safe if two processes do the same one.

    Raises RawDataError for bad raw files; then nothing of the sequence is kept.
    """
    cv2.setNumThreads(1)  # the other cores have sequences of their own
    path = unit_path(out, sequence)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    shutil.rmtree(temporary, ignore_errors=True)
    facts, bones = dataset.facts, BoneSums(dataset.skeleton)
    try:
        with StoreWriter(
            temporary, id=facts.id, role=facts.role, skeleton=dataset.skeleton, licence=facts.licence,
            provenance=provenance(dataset, tools),
        ) as writer:  # fmt: skip
            for example in examples(dataset, sequence, out, tools):
                if writer.append(example) and sequence.split == "train":
                    bones.add(example)
        np.save(temporary / BONES_FILE, bones.sums)
        _move_folder(temporary, path)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return UnitReport(sequence.name, writer.n_examples, len(writer.rejected))


def examples(dataset: Dataset, sequence: Sequence, out: Path, tools: Tools) -> Iterator[PoseExample]:
    """The examples of a sequence: its frames, cropped."""
    if not dataset.facts.uses_detector:
        tools = replace(tools, detector="")
    with tools.detecting(sequence.root, memory_path(out)) as detect:
        for frame in dataset.read(sequence, detect):
            yield example_of(dataset, frame, tools)


def example_of(dataset: Dataset, frame: Frame, tools: Tools) -> PoseExample:
    """Cuts a frame to its person and encodes it."""
    mask = frame.mask() if callable(frame.mask) else frame.mask
    crop = dataset.crop_of(frame)
    cropped: Cropped = crop(read_image(frame.image), frame.camera, frame.box, mask, frame.joints2d)
    bgr = cv2.cvtColor(cropped.image, cv2.COLOR_RGB2BGR)
    is_encoded, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not is_encoded:
        raise ValueError(f"{frame.key}: a crop of shape {cropped.image.shape} cannot be encoded as JPEG")
    return PoseExample(
        key=frame.key,
        image=data.tobytes(),
        camera=cropped.camera,
        box=cropped.box,
        joints3d=frame.joints3d,
        joints2d=cropped.joints2d,
        mask=tools.segment(cropped.image) if cropped.mask is None else cropped.mask,
        tags={**frame.tags, "split": frame.split},
    )


class BoneSums:
    """Sum and count of every bone's length, from which the mean over many units follows.

    Attributes:
        sums: [2, E]: the sum in mm, and how many examples have both ends.
    """

    def __init__(self, skeleton: Skeleton):
        self._edges = skeleton.edges
        self.sums = np.zeros((2, len(skeleton.edges)))

    def add(self, example: PoseExample) -> None:
        if example.joints3d is not None:
            lengths = bone_lengths(example.joints3d, self._edges)
            is_known = np.isfinite(lengths)
            self.sums += np.where(is_known, [lengths, np.ones_like(lengths)], 0)


def _name(source: ImageSource, root: Path) -> str:
    """What an image is called in the memory: its path below the root, then how it is read."""
    return "#".join([source.path.relative_to(root).as_posix(), *map(str, astuple(source)[1:])])


def _move_folder(temporary: Path, path: Path) -> None:
    """A folder in its place, or what another process has put there in the meantime."""
    try:
        os.rename(temporary, path)
    except OSError:
        Store.open(path)  # raises unless the other one is whole


@cache
def _detector(name: str, weights: Path | None):
    from posepile.people import load_detector

    return load_detector(name, weights)


@cache
def _segmenter(name: str, weights: Path | None):
    from posepile.people import load_segmenter

    return load_segmenter(name, weights)
