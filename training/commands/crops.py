"""`dozens crops PRESET --pile STORES… --out SHEET.png`: what the network is shown, changes and labels included."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import tyro

from training.commands.piles import open_piles, with_what_is_here
from training.config import TrainConfig
from training.presets import PRESETS, preset

DOT = (255, 0, 0)


@dataclass(frozen=True)
class Arguments:
    """A picture of crops as a training run gets them, with dots where joints are labelled."""

    pile: tuple[Path, ...]
    """Stores, or folders of stores."""
    out: Path
    """PNG or JPEG file."""
    config: Annotated[TrainConfig, tyro.conf.arg(name="")]
    step: int = 0
    """Of the training run: its batch is shown."""
    count: int = 40
    """Crops, evenly spread over the batch, so that many data sets are among them."""
    columns: int = 8


def main(args: list[str]) -> int:
    """Writes the picture. Raises UnknownNameError for an unknown preset, and what the loader raises."""
    if not args or args[0] in ("-h", "--help"):
        print("usage: dozens crops PRESET --pile STORES... --out SHEET.png [options]")
        print("\npresets: " + ", ".join(PRESETS))
        return 0 if args else 2
    default = Arguments(tyro.MISSING, tyro.MISSING, preset(args[0]))
    arguments = tyro.cli(Arguments, args=args[1:], default=default, prog=f"dozens crops {args[0]}")
    from training.fit import build_mixture
    from training.input_pipeline import BatchLoader

    stores = open_piles(arguments.pile)
    data = with_what_is_here(arguments.config.data, {store.id for store in stores})
    config = replace(arguments.config, data=data)
    loader = BatchLoader(config, build_mixture(config, stores))
    sheet = contact_sheet(loader.batch(arguments.step), arguments.count, arguments.columns)
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    if not cv2.imwrite(str(arguments.out), cv2.cvtColor(sheet, cv2.COLOR_RGB2BGR)):
        raise OSError(f"{arguments.out}: cannot be written")
    print(arguments.out)
    return 0


def contact_sheet(batch: dict[str, np.ndarray], count: int, columns: int) -> np.ndarray:
    """Crops of a batch (`BatchLoader.batch`) with their labels, [h, w, 3] uint8 RGB."""
    n = len(batch["image"])
    chosen = np.unique(np.linspace(0, n - 1, min(count, n)).astype(int))
    cells = [_labelled(batch, i) for i in chosen]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    return np.concatenate(
        [np.concatenate(cells[i : i + columns], axis=1) for i in range(0, len(cells), columns)]
    )


def _labelled(batch: dict[str, np.ndarray], i: int) -> np.ndarray:
    image, n_3d = batch["image"][i].copy(), len(batch["joints3d"])
    if i < n_3d:
        rays = batch["joints3d"][i][batch["valid3d"][i]] @ batch["intrinsics"][i].T
        points = rays[rays[:, 2] > 0]
        points = points[:, :2] / points[:, 2:]
    else:
        points = batch["joints2d"][i - n_3d][batch["valid2d"][i - n_3d]]
    radius = max(1, len(image) // 128)
    for x, y in np.rint(np.clip(points, -1e4, 1e4)).astype(int).tolist():
        cv2.circle(image, (x, y), radius, DOT, -1)
    return image
