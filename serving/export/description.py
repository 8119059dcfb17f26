"""What a file with the crop model says about itself, the same in every format."""

from typing import Any

import numpy as np

from posepile.skeletons import Skeleton
from serving.export.source import Source
from serving.joint_sets import JointSets
from serving.packing import Packing


def describe(source: Source) -> dict[str, Any]:
    """JSON-able facts about a network, by name; `serving/onnx_runner.py` reads them.

    joint_names [J], joint_edges [E, 2]: of the output. input, output: how crops must look, what comes out. skeletons:
    name -> indices, names, edges; "" is all joints, and indices count the output's joints, then the computed ones.
    computed_joints: name and weights {joint of the output: weight}. test_time_augmentation: rotation_deg and turns.
    provenance.
    """
    facts = describe_joints(source.skeleton, source.joints())
    return facts | {
        **describe_crops(source.model.model_config.crop_side, source.packing),
        "provenance": source.provenance,
    }


def describe_joints(model: Skeleton, joints: JointSets) -> dict[str, Any]:
    """The part about joints: those of the network, and all with their skeletons."""
    return {
        "joint_names": list(model.joints),
        "joint_edges": [list(edge) for edge in model.edges],
        "output": "joints [batch, joint, 3]: mm, in the frame of the crop's camera: x right, y down, z forward",
        "skeletons": {
            name: {
                "indices": list(one.indices),
                "names": list(one.names),
                "edges": [list(edge) for edge in one.edges],
            }
            for name, one in joints.by_name.items()
        },
        "computed_joints": _computed(joints, model.joints),
    }


def describe_crops(side: int, packing: Packing) -> dict[str, Any]:
    """The part about crops of `side` px, and how several of a person differ."""
    return {
        "input": _input(side),
        "test_time_augmentation": {"rotation_deg": packing.rotation_deg, "turns": packing.turns},
    }


def _input(side: int) -> dict[str, Any]:
    return {
        "crop_side": side,
        "images": {
            "shape": ["batch", side, side, 3],
            "layout": "NHWC",
            "channels": "RGB",
            "range": [0, 1],
            "values": "as in image files (sRGB), not linear light",
        },
        "intrinsics": {
            "shape": ["batch", 3, 3],
            "unit": "px of the crop; rows (f, s, cx), (0, f, cy), (0, 0, 1)",
            "pixel_centres": "at integers: the upper left pixel's centre is (0, 0)",
            "principal_point": f"of an undistorted camera turned to the person: (S - 1) / 2 = {(side - 1) / 2}",
        },
    }


def _computed(joints: JointSets, of: tuple[str, ...]) -> list[dict[str, Any]]:
    if joints.weights is None:
        return []
    return [
        {"name": name, "weights": {of[i]: float(column[i]) for i in np.flatnonzero(column)}}
        for name, column in zip(joints.joints[len(of) :], joints.weights.T[len(of) :], strict=True)
    ]
