"""Sums and numbers of values by sequence and group: all that remains of a million poses.

Means, tables by activity and confidence intervals all come from them, so poses are scored piece by piece and
forgotten.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from evaluation.bootstrap import Interval, interval_of_sums

Groups = Mapping[str, Sequence[str]]


class Tally:
    """Collects values of figures; `kinds` are the ways in which poses are grouped: ("activity", "scene")."""

    def __init__(self, kinds: Sequence[str] = ()):
        self._kinds = tuple(kinds)
        self._cells: dict[tuple[str, ...], dict[str, np.ndarray]] = {}
        """(sequence, *groups) -> figure -> sum and number."""

    def add(self, sequence: str, groups: Groups, values: Mapping[str, np.ndarray]) -> None:
        """Adds n poses of one sequence.

        Args:
            groups: kind -> [n] labels.
            values: figure -> [n] or [n, J], NaN where not counted.
        """
        n = len(next(iter(values.values()))) if values else 0
        labels = list(zip(*(groups[kind] for kind in self._kinds), strict=True)) or [()] * n
        cells, which = {}, np.empty(n, np.int64)
        for i, label in enumerate(labels):
            which[i] = cells.setdefault(label, len(cells))
        for name, value in values.items():
            value = value if value.ndim == 2 else value[:, None]
            counted = ~np.isnan(value)
            sums = np.bincount(which, np.where(counted, value, 0.0).sum(axis=1), len(cells))
            counts = np.bincount(which, counted.sum(axis=1), len(cells))
            for label, i in cells.items():
                cell = self._cells.setdefault((sequence, *label), {})
                cell[name] = cell.get(name, np.zeros(2)) + (sums[i], counts[i])

    def groups(self, kind: str) -> list[str]:
        """The labels that came up, in the order in which they did."""
        at = 1 + self._kinds.index(kind)
        return list(dict.fromkeys(cell[at] for cell in self._cells))

    def by_sequence(self, figure: str, **where: str) -> dict[str, tuple[float, float]]:
        """Sequence -> sum and number of a figure's values, of the groups asked for: `scene="outdoor"`."""
        found: dict[str, np.ndarray] = {}
        for cell, figures in self._cells.items():
            labels = dict(zip(self._kinds, cell[1:], strict=True))
            if figure in figures and all(labels[kind] == label for kind, label in where.items()):
                found[cell[0]] = found.get(cell[0], np.zeros(2)) + figures[figure]
        return {sequence: (float(s), float(n)) for sequence, (s, n) in found.items()}

    def mean(self, figure: str, **where: str) -> float:
        """The mean over all values that count; NaN if there are none."""
        total, count = self._sums(figure, where).sum(axis=0)
        return float(total / count) if count else float("nan")

    def interval(self, figure: str, **where: str) -> Interval:
        """The same with a 95 % interval, by resampling sequences."""
        sums = self._sums(figure, where)
        return interval_of_sums(*sums[sums[:, 1] > 0].T)

    def count(self, figure: str, **where: str) -> int:
        """How many values of a figure count."""
        return int(self._sums(figure, where)[:, 1].sum())

    def _sums(self, figure: str, where: Mapping[str, str]) -> np.ndarray:
        return np.array(list(self.by_sequence(figure, **where).values())).reshape(-1, 2)
