"""Skeletons: which joints a data set labels, where each of them lies in the body, and how they are linked.

`load(name)` gives a format of the 555-joint union ("h36m"), a skeleton that users choose ("smpl_24"), the 2D
labels ("common2d") or a pile's union ("small", "medium", "large"). The facts are this folder's TOML files.
"""

from posepile.skeletons.combine import merged, union
from posepile.skeletons.formats import FORMATS, own_format
from posepile.skeletons.registry import load, load_data_set, names
from posepile.skeletons.skeleton import Skeleton, union_name

__all__ = [
    "FORMATS",
    "Skeleton",
    "load",
    "load_data_set",
    "merged",
    "names",
    "own_format",
    "union",
    "union_name",
]
