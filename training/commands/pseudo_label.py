"""`dozens pseudo-label RUN STORE… --out POSES.npz`: predicts all joints of every example of some stores."""

from dataclasses import dataclass
from pathlib import Path

import tyro


@dataclass(frozen=True)
class Arguments:
    """Predict all joints on chosen stores; for `dozens fit-acae` and for scoring."""

    run: tyro.conf.Positional[Path]
    """A finished run."""
    stores: tyro.conf.Positional[tuple[Path, ...]]
    """Stores, or folders of stores."""
    out: Path
    """The .npz file: key ("store:key"), poses (mm, crop camera), coords3d_pred_world, joint_names, meta."""
    flip: bool = True
    """Average with the prediction on the mirror image."""
    filter: bool = True
    """Leave out poses with a joint nearer than 300 mm to the camera or a value that is not finite."""
    least_agreement: float = 0.0
    """The filter also leaves out poses whose labelled joints fit worse than that: the area under the curve of
    joints within 0 to 150 mm, after Procrustes alignment with scale, in 0..1. 0.5 is a sensible limit, 0 keeps
    all."""


def main(args: list[str]) -> int:
    """Predicts and writes the file."""
    arguments = tyro.cli(Arguments, args=args, prog="dozens pseudo-label")
    from training import pseudo_labels, run_folder
    from training.commands.piles import open_piles

    stores = open_piles(arguments.stores)
    model, skeleton = run_folder.load_model(arguments.run), run_folder.load_skeleton(arguments.run)
    parts = [pseudo_labels.predict_store(model, store, skeleton, flip=arguments.flip) for store in stores]
    predictions = pseudo_labels.joined(parts)
    if arguments.filter:
        predictions = predictions.filtered(arguments.least_agreement)
    predictions.save(arguments.out, run=str(arguments.run), stores=[store.id for store in stores])
    print(f"{len(predictions.keys)} poses in {arguments.out}, {predictions.n_rejected} left out")
    return 0
