"""`dozens consistency`: whether predictions agree with themselves, over skeleton formats and over cameras; no truth."""

import json
import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import tyro

from evaluation.calibration_file import load_qca
from evaluation.format_consistency import FormatConsistency, along_line_of_sight, load_latents
from evaluation.multiview import view_agreement
from evaluation.prediction_file import PredictionFile, open_predictions
from evaluation.predictions import PredictionError
from evaluation.results import null_for_nan, write_json
from posepile.cameras import Camera

VIEW_FIGURES = {
    "between": ("mm", "between two views, as they are"),
    "between_centred": ("mm", "... with their mean joints at one place"),
    "between_aligned": ("mm", "... rotated and scaled onto each other, too"),
    "to_rays": ("mm", "from a view to the triangulation of all views' 2D joints"),
    "to_rays_depth": ("mm", "... along the view's line of sight"),
    "to_rays_plane": ("mm", "... across it"),
    "to_rays_centred": ("mm", "... with their mean joints at one place"),
    "reprojection": ("px", "from a view's 2D joints to the triangulated ones"),
}
BLOCK = 512  # poses at once: of 555 joints some 200 MB of pairs


@dataclass(frozen=True)
class Consistency:
    """Measure how far predictions agree with themselves: skeleton formats of one pose, cameras of one moment."""

    file: Annotated[Path, tyro.conf.Positional]
    """Prediction file (.npz, .h5) of joints in several formats, of any images."""
    acae: Path | None = None
    """Weights of an affine-combining autoencoder (`dozens fit-acae`): adds the error of reconstruction."""
    calibration: Path | None = None
    """Qualisys calibration (.qca.txt) of cameras that filmed one person at once: tells how far the views agree. Images
    are named "CAMERA/NUMBER.jpg" by the calibration's names, and one number is one moment."""
    json: str = ""
    """File for the result as JSON; "-" prints it in place of the tables."""


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options = tyro.cli(Consistency, args=args, prog="dozens consistency")
    file = open_predictions(options.file)
    if file.joint_names is None:
        raise PredictionError(f"{file.path}: field 'joint_names' is missing, expected it to tell the formats")
    if options.acae is not None or options.calibration is None:
        found: dict[str, Any] = {"formats": format_consistency(file, options.acae)}
    else:
        found = {"formats": None}  # one format may be predicted for the views
    if options.calibration is not None:
        found["views"] = views(file, load_qca(options.calibration))
    found = null_for_nan({"predictions": file.path, "meta": file.meta, **found})
    if options.json == "-":
        print(json.dumps(found, indent=2, allow_nan=False))
        return 0
    if options.json:
        write_json(found, Path(options.json))
    _print(found)
    return 0


def format_consistency(file: PredictionFile, acae: Path | None = None) -> dict[str, Any]:
    """What `FormatConsistency.result` tells of a file; depth and plane are NaN where only world coordinates are known.

    Raises PredictionError.
    """
    collected = FormatConsistency(file.joint_names or (), None if acae is None else load_latents(acae))
    field = next((name for name in ("poses", "coords3d_pred_cam") if name in file.arrays), file.pose_field)
    for start in range(0, len(file), BLOCK):
        poses = file.poses(np.arange(start, min(start + BLOCK, len(file))), field)
        poses = poses[np.isfinite(poses).any(axis=(1, 2))]
        collected.add(along_line_of_sight(poses) if field == "coords3d_pred_cam" else poses)
    found = {"coordinates": field, **collected.result()}
    return found if field != "coords3d_pred_world" else _without_depth(found)


def views(file: PredictionFile, cameras: dict[str, Camera]) -> dict[str, Any]:
    """What `view_agreement` tells of the rows of a file, named "cam01/000040.jpg". Raises PredictionError."""
    place: dict[tuple[str, int], int] = {}
    for row, name in enumerate(file.names.tolist()):
        key = _camera_and_number(file, name.decode(), cameras)
        if key in place:
            raise PredictionError(f"{file.path}: {name.decode()} comes more than once, expected one person")
        place[key] = row
    names = [name for name in cameras if any(camera == name for camera, _ in place)]
    numbers = sorted({number for _, number in place})
    if len(names) < 2:
        raise PredictionError(f"{file.path}: images of {len(names)} cameras, expected at least two")
    rows = np.array([[place.get((name, number), -1) for number in numbers] for name in names])
    field = next(name for name in ("coords3d_pred_cam", "coords3d_pred_world") if name in file.arrays)
    poses = file.poses(rows.ravel(), field)
    poses = poses.reshape(*rows.shape, *poses.shape[1:])
    if field == "coords3d_pred_world":
        poses = np.stack(
            [cameras[name].world_to_camera(pose) for name, pose in zip(names, poses, strict=True)]
        )
    found = view_agreement(poses, [cameras[name] for name in names])
    return {"cameras": names, **found}


def _camera_and_number(file: PredictionFile, image: str, cameras: Sequence[str]) -> tuple[str, int]:
    parts = image.split("/")
    camera = next((name for name in cameras if name in parts), None)
    number = re.search(r"(\d+)\D*$", parts[-1])
    if camera is None or number is None:
        raise PredictionError(
            f"{file.path}: image {image!r}, expected CAMERA/NUMBER.jpg with one of {', '.join(cameras)}"
        )
    return camera, int(number.group(1))


def _without_depth(found: Any) -> Any:
    if not isinstance(found, dict):
        return found
    unknown = [name for name in found if name.endswith(("_depth", "_plane", "depth_to_plane"))]
    return {name: _without_depth(value) for name, value in found.items()} | dict.fromkeys(unknown, np.nan)


def _print(found: dict[str, Any]) -> None:
    formats = found["formats"]
    if formats is not None:
        print(
            f"{formats['poses']} poses, formats: {', '.join(formats['formats'])} ({formats['coordinates']})"
        )
        _print_row("pairs of landmarks", formats["pairs"])
        for bone, row in formats["bones"].items():
            _print_row(f"bone {bone}", row)
        if formats["latents"] is not None:
            rows = {"all": formats["latents"], **formats["latents"]["by_format"]}
            for name, row in rows.items():
                _print_row(
                    f"through latent points, {name}", {k: v for k, v in row.items() if k != "by_format"}
                )
    if "views" in found:
        views = found["views"]
        print(f"views: {', '.join(views['cameras'])}, at {views['times']} times; medians:")
        for name, (unit, text) in VIEW_FIGURES.items():
            value = "–" if views[name] is None else f"{views[name]:.1f}"
            print(f"{value:>9} {unit}  {text}")
    sys.stdout.flush()


def _print_row(title: str, row: dict[str, float | int | None]) -> None:
    values = (
        f"{name} {'–' if value is None else value if isinstance(value, int) else f'{value:.1f}'}"
        for name, value in row.items()
    )
    print(f"{title}: {', '.join(values)}")
