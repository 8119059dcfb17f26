"""Does each part of the recipe teach something? Short runs on the synthetic twins, one part switched off in each.

    dozens synthesize --twins --examples-per-dataset 1500 --test-examples 600 --image-side 192 --out TWINS
    python benchmarks/learning_check.py TWINS --out runs/learning --table results/learning

Every run is the preset `small`, shortened. All have the same steps, the same order of examples and the same random
numbers, so that two runs differ in the named part alone. Two of the rows are repeated with other seeds: their
spread is the noise of the table. Finished runs are kept; the table is written again after each. The last line is
JSON.
"""

import argparse
import csv
import json
import time
from dataclasses import replace
from pathlib import Path

from evaluation.score import mean_pose_mpjpe, score_predictions
from evaluation.truth import read_truth
from posepile import mixtures
from posepile.store import Store
from training import fit, pseudo_labels, run_folder
from training.config import AugmentConfig, TrainConfig
from training.presets import WEAK_PILE, twins

LABELLED_3D, LABELLED_2D = (
    [id for id, _ in mixtures.of_twins(mixtures.load(pile)).shares] for pile in ("small", WEAK_PILE)
)
FORMATS = ("smpl", "h36m", "3dhp")
TEST = "twin_test"
COLUMNS = ("mpjpe", "p_mpjpe", "pck100", "cps200")


def variations(steps: int) -> dict[str, TrainConfig]:
    """Row of the table -> configuration."""
    whole = replace(twins(steps), seed=1)
    rows = {"everything on": whole, "from random weights": _scratch(whole)}
    rows |= {
        f"{name}, seed {seed}": change(replace(twins(steps), seed=seed))
        for name, change in (("everything on", lambda c: c), ("from random weights", _scratch))
        for seed in (2,)
    }
    rows["batch norm over the whole batch"] = replace(whole, model=replace(whole.model, ghost_group_size=0))
    rows["no weight decay"] = replace(whole, optimizer=replace(whole.optimizer, weight_decay=0.0))
    only_3d = tuple(share for share in whole.data.shares if share[0] in LABELLED_3D)
    rows["no 2D-labelled examples"] = replace(whole, data=replace(whole.data, shares=only_3d))
    switches = {
        "no shift": {"shift": 0.0},
        "no zoom": {"zoom_min": 1.0, "zoom_max": 1.0},
        "no roll": {"roll_deg": 0.0},
        "no flip": {"flip": 0.0},
        "no change of colour": {"brightness": 0.0, "contrast": 0.0, "hue_deg": 0.0, "saturation": 0.0},
        "no change of background": {"background": 0.0, "background_of": ()},
        "no objects": {"objects": 0.0},
        "no erased rectangle": {"erase": 0.0},
        "no augmentation at all": {"enabled": False},
    }
    for name, change in switches.items():
        rows[name] = replace(whole, augment=replace(AugmentConfig(), **change))
    return rows


def _scratch(config: TrainConfig) -> TrainConfig:
    return replace(config, model=replace(config.model, initial_weights="random"))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("twins", type=Path)
    parser.add_argument("--out", type=Path, required=True, help="folder of the runs")
    parser.add_argument("--table", type=Path, required=True, help="folder of the table")
    parser.add_argument("--steps", type=int, default=400)
    options = parser.parse_args()
    stores = [Store.open(options.twins / name) for name in (*LABELLED_3D, *LABELLED_2D)]
    truth = read_truth(Store.open(options.twins / TEST))
    rows = []
    for name, config in variations(options.steps).items():
        rows.append(row(name, config, stores, truth, options))
        print(rows[-1], flush=True)
        write(rows, mean_pose(options.twins, truth), options)
    print(json.dumps({"rows": rows, "steps": options.steps}))


def row(name: str, config: TrainConfig, stores: list[Store], truth, options) -> dict:
    """Trains (or finds) one run and scores it."""
    run, started = options.out / name.replace(" ", "_").replace(",", ""), time.monotonic()
    fit.train(config, stores, run)
    predictions = run / "test.npz"
    if not predictions.exists():
        model, skeleton = run_folder.load_model(run), run_folder.load_skeleton(run)
        pseudo_labels.predict_store(model, Store.open(options.twins / TEST), skeleton).save(
            predictions, run=name
        )
        (run / "seconds.txt").write_text(f"{time.monotonic() - started:.0f}")
    average = score_predictions(predictions, truth, formats=FORMATS).average
    seconds = float((run / "seconds.txt").read_text())
    return {"run": name, **{column: round(average[column], 2) for column in COLUMNS}, "seconds": seconds}


def mean_pose(twins: Path, truth) -> float:
    """MPJPE, mm, of the training sets' mean pose."""
    scores = mean_pose_mpjpe([Store.open(twins / name) for name in LABELLED_3D], truth, FORMATS)
    return scores["average"]


def write(rows: list[dict], mean_pose_mm: float, options) -> None:
    """The table as CSV and Markdown."""
    options.table.mkdir(parents=True, exist_ok=True)
    with open(options.table / "results.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    first = rows[0]["mpjpe"]
    titles = ("run", "MPJPE mm", "difference", "P-MPJPE mm", "PCK@100 %", "CPS@200 %", "s")
    lines = [f"| {' | '.join(titles)} |", "|---" * len(titles) + "|"]
    for r in rows:
        figures = [f"{r['mpjpe']:.1f}", f"{r['mpjpe'] - first:+.1f}", *(f"{r[c]:.1f}" for c in COLUMNS[1:])]
        lines.append(f"| {r['run']} | {' | '.join(figures)} | {r['seconds']:.0f} |")
    lines += [
        f"| mean pose of the training sets | {mean_pose_mm:.1f} | {mean_pose_mm - first:+.1f} | | | | |",
        "",
    ]
    (options.table / "table.md").write_text("\n".join(lines))


if __name__ == "__main__":
    main()
