"""The stages of the demonstration: each reads and writes files below one folder, and skips what is complete.

    OUT/pile/<store>/                    the synthetic data sets
    OUT/seed<k>/<variant>/               a training run each ("separate" is step 1 of the method)
    OUT/seed<k>/poses.npz, acae.npz      pseudo ground truth, and the autoencoder fitted to it
    OUT/seed<k>/<variant>_test.npz       predictions on the held-out test set, scored from the file
"""

import json
from pathlib import Path
from typing import Any

from rich.progress import Progress

from affine_combining import fit as acae_fit
from dozens.demo_sizes import (
    CLEAN_STORES,
    FIRST,
    TEST_STORE,
    TRAIN_STORES,
    WEAK_STORE,
    DemoSize,
    fine_tuning,
    first_training,
)
from evaluation.score import Scores, score_predictions
from evaluation.truth import Truth
from posepile.store import Store
from posepile.synthetic.formats import same_points
from posepile.synthetic.pile import synthesize
from training import fit, pseudo_labels, run_folder
from training.config import TrainConfig

DATA_SEED = 1


def make_pile(pile: Path, size: DemoSize, workers: int, quiet: bool) -> None:
    """Renders the data sets."""
    counts = {name: size.examples for name in (*TRAIN_STORES, WEAK_STORE)}
    counts[TEST_STORE] = size.test_examples
    with Progress(disable=quiet, transient=True) as bar:
        task = bar.add_task("images", total=sum(counts.values()))

        def advance(_store: str, examples: int, _is_new: bool) -> None:
            bar.update(task, advance=examples)

        synthesize(pile, counts, size.image_side, DATA_SEED, workers, simple=True, progress=advance)


def train_first(folder: Path, pile: Path, size: DemoSize, seed: int) -> Path:
    """Step 1: every joint of every format has its own output. Returns the run."""
    return _train(first_training(size, seed), pile, folder / FIRST)


def bridge(folder: Path, pile: Path, size: DemoSize, seed: int) -> Path:
    """Step 2: predicts all joints on clean images and fits the autoencoder to them. Returns its file."""
    weights = folder / "acae.npz"
    if not weights.exists():
        stores = [Store.open(pile / name) for name in CLEAN_STORES]
        pseudo = predict(folder / FIRST, stores).filtered()
        pseudo.save(folder / "poses.npz", run=FIRST, stores=list(CLEAN_STORES))
        provenance = {"stores": list(CLEAN_STORES), "training_seed": seed}
        result = acae_fit.fit(pseudo.poses, pseudo.joint_names, size.acae, provenance=provenance)
        curves = {"reports": result.reports, "history": result.history, "seconds": result.seconds}
        (folder / "acae.json").write_text(json.dumps(curves, allow_nan=False, indent=1) + "\n")
        result.weights.save(weights)
    return weights


def train_variant(
    folder: Path, pile: Path, size: DemoSize, seed: int, variant: str, first: Path, acae: Path
) -> Path:
    """Step 3 for one row of the table; "separate" is step 1 itself. Returns the run."""
    if variant == FIRST:
        return first
    first_config = first_training(size, seed, "merged" if variant == "merged" else "separate")
    if variant == "merged":
        first = _train(first_config, pile, folder / "merged_first")
    return _train(fine_tuning(size, first_config, variant, str(first), str(acae)), pile, folder / variant)


def score(folder: Path, pile: Path, variant: str, truth: Truth) -> Scores:
    """Predicts the test set into a file, and scores the file."""
    path = folder / f"{variant}_test.npz"
    if not path.exists():
        predict(folder / variant, [Store.open(pile / TEST_STORE)]).save(path, run=variant, store=TEST_STORE)
    return score_predictions(path, truth, same_points())


def predict(run: Path, stores: list[Store]) -> pseudo_labels.Predictions:
    """What a finished run predicts for stores, averaged with the mirror image."""
    model, skeleton = run_folder.load_model(run), run_folder.load_skeleton(run)
    return pseudo_labels.joined([pseudo_labels.predict_store(model, store, skeleton) for store in stores])


def facts(command: str, size: DemoSize, seconds: dict[str, float]) -> dict[str, Any]:
    """What one needs to get the results again."""
    return {
        "command": command,
        "data_seed": DATA_SEED,
        "training_seeds": list(size.seeds),
        "environment": run_folder.environment(),
        "seconds": {stage: round(value, 1) for stage, value in seconds.items()},
    }


def _train(config: TrainConfig, pile: Path, run: Path) -> Path:
    return fit.train(config, [pile / name for name, _ in config.data.shares], run)
