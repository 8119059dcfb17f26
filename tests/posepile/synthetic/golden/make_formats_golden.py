"""Writes formats.npz here: the joints of every format on bodies of body.npz. Look at what changed first.

python tests/posepile/synthetic/golden/make_formats_golden.py
"""

from pathlib import Path

import numpy as np

from posepile.synthetic import formats
from posepile.synthetic.body import load_body

if __name__ == "__main__":
    folder = Path(__file__).parent
    with np.load(folder / "body.npz") as cases:
        body = load_body()
        shaped = body.shape(cases["phenotypes"][:4])
        vertices, heads = body.pose(shaped, cases["rotations"][:4], cases["root"][:4])
    joints = {name: formats.points(name, vertices, heads) for name in formats.table_names()}
    np.savez_compressed(folder / "formats.npz", **joints)
