"""`dozens fit-acae`: fit the affine-combining autoencoder to a file of poses."""

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import tyro
from rich.console import Console
from rich.table import Table

from affine_combining.config import AcaeConfig


@dataclass(frozen=True)
class FitAcae:
    """Fit the affine-combining autoencoder to predicted poses."""

    poses: tyro.conf.Positional[Path]
    """File (.npz) of poses: `poses` [n, J, 3] mm in the camera frame and `joint_names` [J]."""
    out: Path
    """File (.npz) to write the weights to."""
    held_out_poses: Path | None = None
    """File of other poses on which the best seed is chosen; without it, a part of POSES is held out."""
    config: Annotated[AcaeConfig, tyro.conf.arg(name="")] = AcaeConfig()
    json: bool = False
    """Print one JSON document in place of the table."""


def main(args: list[str] | None = None) -> int:
    """Runs the command; returns the exit code."""
    options = tyro.cli(FitAcae, args=args, prog="dozens fit-acae")
    from affine_combining.fit import fit

    poses, joint_names = read_poses(options.poses)
    held_out = None
    if options.held_out_poses:
        held_out, other_names = read_poses(options.held_out_poses)
        if other_names != joint_names:
            raise ValueError(f"{options.held_out_poses}: joint_names differ from those of {options.poses}")
    result = fit(poses, joint_names, options.config, held_out, {"poses_file": options.poses.name})
    options.out.parent.mkdir(parents=True, exist_ok=True)
    result.weights.save(options.out)
    summary = {
        "out": str(options.out),
        "joints": result.weights.n_joints,
        "latents": result.weights.n_latents,
        "poses": {"train": result.n_train, "held_out": result.n_held_out, "dropped": result.n_dropped},
        "seeds": result.reports,
        "seconds": round(result.seconds, 2),
    }
    if options.json:
        print(json.dumps(summary, indent=2, allow_nan=False))
    else:
        _print_table(summary)
    return 0


def read_poses(path: Path) -> tuple[np.ndarray, tuple[str, ...]]:
    """Reads `poses` [n, J, 3] and `joint_names` [J] of an .npz file. ValueError names file and field."""
    try:
        with np.load(path, allow_pickle=False) as file:
            for name in ("poses", "joint_names"):
                if name not in file.files:
                    raise ValueError(f"field {name!r} is missing; it has {', '.join(file.files)}")
            poses, joint_names = file["poses"], tuple(file["joint_names"].tolist())
    except (ValueError, EOFError) as error:
        raise ValueError(f"{path}: {error}") from error
    if poses.ndim != 3 or poses.shape[1:] != (len(joint_names), 3):
        raise ValueError(f"{path}: 'poses' has shape {poses.shape}, expected [n, {len(joint_names)}, 3]")
    return poses, joint_names


def _print_table(summary: dict) -> None:
    poses = summary["poses"]
    table = Table(
        title=f"{summary['joints']} joints in {summary['latents']} latent points",
        caption="on {held_out} held-out poses; {train} trained on, {dropped} unusable".format(**poses),
    )
    columns = {
        "seed": ("seed", "d"),
        "main_loss": ("error, m", ".4f"),
        "pck_1cm": ("PCK@1cm", ".1f"),
        "pck_2cm": ("PCK@2cm", ".1f"),
        "error_3d_mm": ("3D, mm", ".1f"),
        "negative_mass": ("neg. mass", ".3f"),
        "n_used_2": ("latents/joint", ".1f"),
    }
    for title, _ in columns.values():
        table.add_column(title, justify="right")
    for report in summary["seeds"]:
        table.add_row(*(format(report[name], style) for name, (_, style) in columns.items()))
    Console(width=80 if not sys.stdout.isatty() else None).print(table)
    print(f"kept seed {summary['seeds'][0]['seed']}: {summary['out']} ({summary['seconds']} s)")
