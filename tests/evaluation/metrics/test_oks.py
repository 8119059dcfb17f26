"""OKS-AP equals a slow version of COCO's rules, on random people with ties, unlabelled joints and nobody predicted."""

import numpy as np
import pytest

from evaluation import metrics

SIGMAS = np.array([26, 25, 25, 35, 35, 79, 79, 72, 72, 62, 62, 107, 107, 87, 87, 89, 89]) / 1000
THRESHOLDS = [0.5 + 0.05 * i for i in range(10)]


def random_case(seed):
    rng = np.random.default_rng(seed)
    true, pred = [], []
    images = [{"id": i} for i in range(3)]
    for image in range(3):
        for _ in range(rng.integers(1, 4)):
            points = rng.uniform(0, 300, (17, 2))
            seen = rng.random(17) < 0.7
            seen[0] = True
            marked = np.where(seen[:, None], points, 0)
            keypoints = np.concatenate([marked, 2.0 * seen[:, None]], axis=1)
            low, high = points.min(axis=0), points.max(axis=0)
            person = {"id": len(true) + 1, "image_id": image, "category_id": 1, "iscrowd": 0}
            person |= {"keypoints": keypoints.ravel().tolist(), "num_keypoints": int(seen.sum())}
            person |= {
                "area": float(np.prod(high - low) / 2),
                "bbox": [*low.tolist(), *(high - low).tolist()],
            }
            true.append(person)
            if rng.random() < 0.8:
                guess = np.concatenate(
                    [points + rng.normal(size=(17, 2)) * rng.choice([0, 5, 15, 60]), np.ones((17, 1))], 1
                )
                pred.append({"image_id": image, "category_id": 1, "keypoints": guess.ravel().tolist()})
        pred.append({"image_id": image, "category_id": 1, "keypoints": rng.uniform(0, 300, 51).tolist()})
    scores = rng.permutation(len(pred)) / len(pred)
    pred = [entry | {"score": float(score)} for entry, score in zip(pred, scores, strict=True)]
    return {"images": images, "annotations": true, "categories": [{"id": 1, "name": "person"}]}, pred


def similarity(true, pred):
    g, p = (np.reshape(person["keypoints"], (17, 3)) for person in (true, pred))
    total, n = 0.0, 0
    for j in range(17):
        if g[j, 2] > 0:
            distance = (p[j, 0] - g[j, 0]) ** 2 + (p[j, 1] - g[j, 1]) ** 2
            total += np.exp(-distance / (2 * SIGMAS[j]) ** 2 / true["area"] / 2)
            n += 1
    return total / n


def average_precision(true, pred, threshold):
    """Best predictions first, each takes the nearest free person; precision is read at 101 recalls, made to fall."""
    taken, hits = set(), []
    for guess in sorted(pred, key=lambda entry: -entry["score"]):
        there = [
            t for t in true["annotations"] if t["image_id"] == guess["image_id"] and t["id"] not in taken
        ]
        best = max(there, key=lambda person: similarity(person, guess), default=None)
        is_hit = best is not None and similarity(best, guess) >= threshold
        if is_hit:
            taken.add(best["id"])
        hits.append(is_hit)
    precisions = [sum(hits[: i + 1]) / (i + 1) for i in range(len(hits))]
    recalls = [sum(hits[: i + 1]) / len(true["annotations"]) for i in range(len(hits))]
    found = []
    for wanted in np.linspace(0, 1, 101):
        found.append(max((p for p, r in zip(precisions, recalls, strict=True) if r >= wanted), default=0))
    return np.mean(found)


@pytest.mark.parametrize("seed", range(12))
def test_equals_the_rules(seed):
    true, pred = random_case(seed)
    found = metrics.oks_ap(true, pred)
    by_threshold = [average_precision(true, pred, threshold) for threshold in THRESHOLDS]
    assert found["AP"] == pytest.approx(np.mean(by_threshold), abs=1e-9)
    assert found["AP50"] == pytest.approx(by_threshold[0]) and found["AP75"] == pytest.approx(by_threshold[5])
