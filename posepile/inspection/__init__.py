"""Seeing what is in a store: measurements of its labels, the examples that stand out, and an HTML gallery.

    labels      what is measured of every examined example
    statistics  bone lengths, joint visibility, distances and sizes
    outliers    examples ranked by how implausible they are, with the reasons in words
    gallery     the page; markup, charts and cards are its parts

Nothing here changes a store.
"""

from posepile.inspection.gallery import Part, write_gallery
from posepile.inspection.labels import Labels, read_labels, sample_rows
from posepile.inspection.outliers import Outlier, find_outliers
from posepile.inspection.statistics import Statistics, measure

__all__ = [
    "Labels",
    "Outlier",
    "Part",
    "Statistics",
    "find_outliers",
    "measure",
    "read_labels",
    "sample_rows",
    "write_gallery",
]
