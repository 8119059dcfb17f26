"""What the demonstration shows at its end: results, report page, table, exported model."""

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from affine_combining.weights import AcaeWeights
from dozens.demo_sizes import EXPORTED, FIRST, TEST_STORE, TRAIN_STORES, DemoSize
from evaluation.pictures import Autoencoder, Curves
from evaluation.pose_pictures import PoseExamplePicture
from evaluation.predictions import read_predictions
from evaluation.report import Report, write_report
from evaluation.results import make_results, terminal_table, title
from evaluation.score import Scores, mean_pose_mpjpe
from evaluation.truth import Truth
from posepile.store import Store
from serving.export import export_run
from training import run_folder
from training.callbacks import METRICS_FILE
from training.config import LossConfig
from training.pseudo_labels import plain_crops

PICTURED = ("separate_continued", "regularized", "hybrid")
N_PICTURED = 4
INTRO = (
    "{datasets} synthetic data sets, each labelled in a skeleton of its own, trained one network that predicts the "
    "{joints} joints of all {formats} skeletons at once. Its own predictions taught an affine-combining autoencoder "
    "how the skeletons hang together, and fine-tuning with it made them agree (Sárándi, Hermans, Leibe, WACV 2023).",
    "Everything here started from random weights, minutes ago. So that a network of under a million parameters can "
    "learn it on a few processor cores, the people wear colour-coded suits in plain places; their motion was captured "
    "from real people. The people and the motion of the test images were not seen in training.",
)


def export(out: Path, size: DemoSize) -> float:
    """Exports the first seed's regularised model; returns the largest difference to it, mm."""
    [written] = export_run(out / f"seed{size.seeds[0]}" / EXPORTED, out, ["savedmodel"])
    return written.largest_difference_mm


def write(
    out: Path, size: DemoSize, scores: dict[str, list[Scores]], truth: Truth, facts: dict[str, Any]
) -> dict[str, Any]:
    """Writes results.json, results.csv and report.html; returns the results."""
    train = [Store.open(out / "pile" / name) for name in TRAIN_STORES]
    results = make_results(scores, mean_pose_mpjpe(train, truth), **facts)
    first_seed = out / f"seed{size.seeds[0]}"
    skeleton = run_folder.load_skeleton(first_seed / FIRST)
    numbers = {"datasets": len(train), "joints": len(skeleton), "formats": len(set(skeleton.formats))}
    page = Report(
        results=results,
        intro=[paragraph.format(**numbers) for paragraph in INTRO],
        curves=_curves(first_seed, size),
        autoencoder=_autoencoder(first_seed, skeleton),
        skeleton=skeleton,
        examples=_examples(out / "pile", first_seed, size.training.model.crop_side),
        provenance=facts,
    )
    write_report(page, out)
    return results


def show(out: Path, results: dict[str, Any], seconds: float, promised: bool) -> None:
    """Prints the table, which promises hold (a smoke run makes none), and where everything is."""
    console = Console(highlight=False)
    console.print()
    console.print(terminal_table(results))
    for check in results["checks"] if promised else ():
        mark = "holds" if check["passed"] else "FAILS"
        console.print(
            f"{mark}  {check['text']}: {check['value']:.1f} {check['unit']} (limit {check['limit']:.1f})"
        )
    console.print(f"\n{seconds / 60:.1f} minutes. Look at:", soft_wrap=True)
    for name, what in (
        ("report.html", "pictures, curves, the table per skeleton"),
        ("results.json", "all figures"),
        (
            "savedmodel/1",
            f"the exported model: dozens pose PHOTO --model {out / 'savedmodel/1'} --out DIR",
        ),
    ):
        console.print(f"  {out / name}  {what}", soft_wrap=True)


def _curves(folder: Path, size: DemoSize) -> list[Curves]:
    runs = [name for name in size.variants if name != FIRST]
    columns = {name: _read_metrics(folder / name) for name in (FIRST, *runs)}
    fits = json.loads((folder / "acae.json").read_text())["history"]
    steps = [row["step"] for row in fits]
    return [
        Curves(
            "Step 1: separate heads", "step", "loss, m",
            {key: (columns[FIRST]["step"], columns[FIRST][key]) for key in ("relative", "projection", "absolute")},
            "The three parts of the loss on 3D-labelled images: pose, position in the image, distance.",
        ),
        Curves(
            "Step 2: the autoencoder", "step", "held-out reconstruction error, m",
            {f"start {k + 1}": (steps, [row["main_loss"][k] for row in fits]) for k in range(size.acae.seeds)},
            "Mean reconstruction error on the image plane, for each random start.",
            log_y=True,
        ),
        Curves(
            "Step 3: fine-tuning", "step", "pose loss, m",
            {title(name): (columns[name]["step"], _pose_loss(columns[name])) for name in runs},
            "The loss of the poses that the variant answers with. A head for latent points starts from random "
            "weights.",
        ),
    ]  # fmt: skip


def _pose_loss(columns: dict[str, list[float]]) -> list[float]:
    """L_3D of the answered pose; the hybrid logs it as one number, the others its terms."""
    if "decoded" in columns:
        return columns["decoded"]
    config = LossConfig()
    terms = zip(columns["relative"], columns["projection"], columns["absolute"], strict=True)
    return [a + config.projection * b + config.absolute * c for a, b, c in terms]


def _read_metrics(run: Path) -> dict[str, list[float]]:
    with (run / METRICS_FILE).open(newline="") as file:
        rows = list(csv.DictReader(file))
    return {key: [float(row[key]) for row in rows] for key in rows[0]}


def _autoencoder(folder: Path, skeleton) -> Autoencoder:
    weights = AcaeWeights.load(folder / "acae.npz")
    weights.check_joints(skeleton.joints)
    figures, poses = weights.provenance["figures"], weights.provenance["poses"]
    facts = {
        "latent points": str(weights.n_latents),
        "poses": f"{poses['train']} to learn from, {poses['held_out']} held out",
        "joints within 1 cm of their reconstruction": f"{figures['pck_1cm']:.0f} %",
        "inputs that count in a joint": f"{figures['n_used_2']:.1f} of {weights.n_latents}",
    }
    with np.load(folder / "poses.npz", allow_pickle=False) as file:
        example_poses = file["poses"][:500]
    return Autoencoder(weights.w1, weights.w2, skeleton, weights.latents_sided, example_poses, facts)


def _examples(pile: Path, folder: Path, side: int) -> list[PoseExamplePicture]:
    """Test images at even distances, with the truth and the predictions in the frame of their crop's camera."""
    store = Store.open(pile / TEST_STORE)
    rows = np.linspace(0, len(store) - 1, N_PICTURED).astype(int)
    examples = store.examples(rows)
    cameras, images = plain_crops(examples, side)
    true = cameras.world_to_camera(np.stack([example.joints3d for example in examples]))
    files = {title(name): read_predictions(folder / f"{name}_test.npz") for name in PICTURED}
    return [
        PoseExamplePicture(
            name=example.key,
            image=images[i],
            intrinsics=cameras.intrinsics[i],
            true=true[i],
            predicted={
                name: file.poses[list(file.keys).index(f"{store.id}:{example.key}")]
                for name, file in files.items()
            },
        )
        for i, example in enumerate(examples)
    ]
