"""How a synthetic person looks: skin, hair and clothes as painted layers over fields of the body's rest pose.

Each vertex carries seven numbers (`fields`). A layer of paint covers a box in them: a T-shirt is "the trunk
above the waist, below the collar, and the arm up to half-way to the elbow". Because the numbers are
interpolated and compared at every sample, hems are sharp lines, not steps of triangles. Clothes and hair also
lift the skin a little, so that the silhouette is not that of a naked body; joints are read from the body
without it.
"""

import colorsys
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from posepile.synthetic.render import ATTRIBUTES, LAYER, MAX_LAYERS, PATTERNS

X, COLLAR, Z, ARM, LEG, SCALP, FACE = range(ATTRIBUTES)
"""Columns of `fields`. X, Z: template position, mm (the same for all body shapes). COLLAR: height along a
plane that falls to the front and to the shoulders, mm; it cuts necklines, and stands for depth in patterns.
ARM: 1 at the shoulder, 2 elbow, 3 wrist, 4 fingertip, below 1 on the trunk. LEG: 1 hip, 2 knee, 3 ankle, 4
toe base, 5 toe tip.
SCALP: mm above the hairline. FACE: 1 brows, 2 lips, 3 eyes."""

EVERYWHERE = 1e9
WAIST = 105.0
"""mm of the template; the crotch is at about -10 and the shoulders at 550."""
SKIN_TONES = (
    (0.86, 0.66, 0.55),
    (0.78, 0.55, 0.42),
    (0.66, 0.44, 0.31),
    (0.48, 0.31, 0.21),
    (0.32, 0.2, 0.14),
)
HAIR_COLOURS = (
    (0.06, 0.05, 0.05),
    (0.16, 0.1, 0.07),
    (0.32, 0.2, 0.12),
    (0.62, 0.47, 0.28),
    (0.5, 0.48, 0.46),
)
SUIT_HUES = {"trunk": 0.8, "left arm": 0.58, "right arm": 0.0, "left leg": 0.42, "right leg": 0.13}
"""Purple, blue, red, green, orange."""


@dataclass(frozen=True)
class LookStyle:
    """Which clothes a data set's people wear; ranges are (low, high)."""

    suit: float = 0.0
    """Probability of one garment from neck to ankles and wrists (a motion-capture suit)."""
    sleeves: tuple[float, float] = (1.2, 2.9)
    """End of the sleeves on the ARM field; below 1.1 it is a vest."""
    legs: tuple[float, float] = (1.4, 2.9)
    """End of the trousers on the LEG field."""
    bare_chest: float = 0.0
    pattern: float = 0.4
    """Probability that a garment has a pattern."""
    saturation: tuple[float, float] = (0.1, 0.8)
    brightness: tuple[float, float] = (0.1, 0.9)
    barefoot: float = 0.1
    coded_suit: float = 0.0
    """Probability of a suit whose trunk and limbs have fixed colours of their own, left ones other than right."""
    unreal_skin: float = 0.0
    """Probability of a skin colour that no person has (game and avatar looks)."""


@dataclass(frozen=True, eq=False)
class Look:
    """Layers [MAX_LAYERS] for the renderer, and by how many mm each vertex is lifted along its normal [V]."""

    layers: np.ndarray
    lift: np.ndarray


def fields(template, heads: Mapping[str, np.ndarray], weights, bones, eyes) -> np.ndarray:
    """The attributes of the body's vertices.

    Args:
        template: [V, 3] mm, rest pose, z up, facing -y. heads: bone name to [3] mm.
        weights: [V, bones], skinning weights, columns named by `bones`. eyes: indices of the eyes' vertices.

    Returns:
        [V, ATTRIBUTES] float32.
    """
    template = np.asarray(template, np.float64)
    column = {name: i for i, name in enumerate(bones)}
    result = np.zeros((len(template), ATTRIBUTES), np.float32)
    result[:, X], result[:, Z] = template[:, 0], template[:, 2]
    result[:, COLLAR] = template[:, 2] - 0.5 * template[:, 1] - 0.25 * np.abs(template[:, 0])
    for side in ("Left", "Right"):
        chain = [heads[side + part] for part in ("Arm", "ForeArm", "Hand")]
        hand = heads[side + "HandFinger1"]
        chain.append(chain[-1] + 1.6 * (hand - chain[-1]))
        on_arm = weights[:, [i for n, i in column.items() if _is_arm(n, side)]].sum(1)
        result[:, ARM] = np.where(
            on_arm > 0.5, _along(template, chain), np.maximum(result[:, ARM], 0.9 * on_arm)
        )
        chain = [heads[side + part] for part in ("UpLeg", "Leg", "Foot", "ToeBase")]
        chain.append(chain[-1] + [0, -70, -10])
        on_leg = weights[:, [column[side + part] for part in ("UpLeg", "Leg", "Foot", "ToeBase")]].sum(1)
        result[:, LEG] = np.where(
            on_leg > 0.5, _along(template, chain), np.maximum(result[:, LEG], 0.9 * on_leg)
        )
    on_head = weights[:, [column["Head"], column["Neck1"]]].sum(1)
    hairline = template[:, 2] + 0.9 * (template[:, 1] + 150) - 800
    result[:, SCALP] = np.where(on_head > 0.4, hairline, -500)
    result[:, FACE] = _face_details(template)
    result[eyes, FACE] = 3
    return result


def random_look(rng: np.random.Generator, style: LookStyle, vertex_fields: np.ndarray) -> Look:
    """Draws the clothes, the skin and the hair of one person."""
    layers, lifts = empty_layers(), []
    tone = np.array(SKIN_TONES[rng.integers(len(SKIN_TONES))]) * rng.uniform(0.9, 1.08, 3)
    if rng.random() < style.unreal_skin:
        tone = _colour(rng, (0.1, 0.6), (0.4, 0.9))
    _add(layers, lifts, tone, 0, gloss=rng.uniform(0.02, 0.12))
    if style.coded_suit and rng.random() < style.coded_suit:
        _add_coded_suit(layers, lifts, rng)
    else:
        _add_clothes(layers, lifts, rng, style)
    if rng.random() > 0.08:
        hair = np.array(HAIR_COLOURS[rng.integers(len(HAIR_COLOURS))]) * rng.uniform(0.8, 1.2)
        line = rng.normal(0, 14)
        _add(
            layers,
            lifts,
            hair,
            rng.uniform(4, 16),
            {SCALP: (line, EVERYWHERE)},
            gloss=rng.uniform(0.02, 0.25),
        )
        _add(layers, lifts, hair * 0.8, 0, {FACE: (0.6, 1.4)})
    _add(layers, lifts, tone * [0.85, 0.62, 0.62], 0, {FACE: (1.5, 2.4)})
    _add(layers, lifts, np.full(3, 0.9), 0, {FACE: (2.6, 3.4)}, second=(0.08, 0.06, 0.05), gloss=0.5)
    return Look(layers, _lift(layers, lifts, vertex_fields))


def empty_layers() -> np.ndarray:
    """[MAX_LAYERS] layers that cover nothing."""
    layers = np.zeros(MAX_LAYERS, LAYER)
    layers["low"], layers["high"] = 1, 0
    layers["period"], layers["direction"] = 1, (0, 0, 1)
    return layers


def set_layer(
    layer, colour, second=None, bounds=None, pattern="plain", period=50.0, direction=(0, 0, 1), gloss=0.0
):
    """Fills one layer; colours are display values in 0..1, `bounds` maps a field to (low, high)."""
    layer["low"], layer["high"] = -EVERYWHERE, EVERYWHERE
    for column, (low, high) in (bounds or {}).items():
        layer["low"][column], layer["high"][column] = low, high
    layer["colour"][0] = linear(colour)
    layer["colour"][1] = linear(colour if second is None else second)
    layer["pattern"], layer["period"], layer["gloss"] = PATTERNS.index(pattern), period, gloss
    layer["direction"] = np.asarray(direction) / np.linalg.norm(direction)


def linear(colour) -> np.ndarray:
    """Display values to linear light, float32."""
    return np.clip(np.asarray(colour, np.float32), 0, 1) ** np.float32(2.2)


def random_pattern(rng: np.random.Generator, style: LookStyle, periods=(18, 110)) -> dict:
    """Colours and pattern of one garment or surface, as keyword arguments of `set_layer`."""
    first = _colour(rng, style.saturation, style.brightness)
    if rng.random() >= style.pattern:
        return {"colour": first, "gloss": rng.uniform(0, 0.06)}
    angle = rng.choice([0, np.pi / 2, np.pi / 4, rng.uniform(0, np.pi)])
    return {
        "colour": first,
        "second": _colour(rng, style.saturation, style.brightness),
        "pattern": PATTERNS[rng.integers(1, len(PATTERNS))],
        "period": float(np.exp(rng.uniform(*np.log(periods)))),
        "direction": (np.cos(angle), 0, np.sin(angle)),
        "gloss": rng.uniform(0, 0.06),
    }


def _add_clothes(layers, lifts, rng, style: LookStyle) -> None:
    top, bottom = random_pattern(rng, style), random_pattern(rng, style)
    sleeve, hem = rng.uniform(*style.sleeves), rng.uniform(*style.legs)
    waist, collar = WAIST + rng.normal(0, 25), 572 + rng.normal(0, 22)
    looseness = rng.uniform(3, 16)
    if rng.random() < style.suit:
        bottom, sleeve, hem, collar, looseness = top, 2.9, 2.95, 600, 3
    trunk = {ARM: (-EVERYWHERE, 1.0), LEG: (-EVERYWHERE, 2.0)}
    if rng.random() >= style.barefoot:
        shoe = random_pattern(rng, LookStyle(pattern=0.1, saturation=(0, 0.5), brightness=(0.05, 0.9)))
        _add(layers, lifts, bounds={LEG: (rng.uniform(2.75, 3.0), EVERYWHERE)}, lift=6, **shoe)
    _add(
        layers,
        lifts,
        bounds={LEG: (0.45, hem), Z: (-EVERYWHERE, waist), ARM: (-1, 1)},
        lift=looseness,
        **bottom,
    )
    _add(layers, lifts, bounds={**trunk, Z: (-90, waist)}, lift=looseness, **bottom)
    if rng.random() >= style.bare_chest:
        # Over the trousers (untucked) or not
        edge = waist - (rng.uniform(30, 110) if rng.random() < 0.5 else 0)
        _add(
            layers,
            lifts,
            bounds={**trunk, Z: (edge, EVERYWHERE), COLLAR: (-EVERYWHERE, collar)},
            lift=looseness,
            **top,
        )
        if sleeve > 1.1:
            _add(layers, lifts, bounds={ARM: (0.9, sleeve)}, lift=looseness * 0.7, **top)


def _add_coded_suit(layers, lifts, rng) -> None:
    """The trunk, and each limb on its side of the body, in the hues of SUIT_HUES, a little varied."""
    arm, leg = {ARM: (0.95, EVERYWHERE)}, {LEG: (0.6, EVERYWHERE)}
    left, right = {X: (0, EVERYWHERE)}, {X: (-EVERYWHERE, 0)}
    trunk = {COLLAR: (-EVERYWHERE, 590), Z: (-90, EVERYWHERE)}
    parts = {"trunk": trunk, "left leg": leg | left, "right leg": leg | right}
    parts |= {"left arm": arm | left, "right arm": arm | right}
    for part, bounds in parts.items():
        hue = (SUIT_HUES[part] + rng.normal(0, 0.012)) % 1
        colour = np.array(colorsys.hsv_to_rgb(hue, rng.uniform(0.65, 0.95), rng.uniform(0.6, 0.95)))
        _add(layers, lifts, colour, 4, bounds, gloss=0.04)


def _add(layers, lifts, colour, lift, bounds=None, **rest) -> None:
    set_layer(layers[len(lifts)], colour, bounds=bounds, **rest)
    lifts.append(lift)


def _lift(layers, lifts, vertex_fields) -> np.ndarray:
    result = np.zeros(len(vertex_fields), np.float32)
    for layer, lift in zip(layers, lifts, strict=False):
        if lift:
            inside = ((vertex_fields >= layer["low"]) & (vertex_fields <= layer["high"])).all(1)
            result[inside] = lift
    return result


def _colour(rng, saturation, brightness) -> np.ndarray:
    return np.array(colorsys.hsv_to_rgb(rng.random(), rng.uniform(*saturation), rng.uniform(*brightness)))


def _is_arm(bone: str, side: str) -> bool:
    arm = bone.startswith(side) and any(part in bone for part in ("Arm", "Hand", "Finger"))
    return arm or bone == side[0] + "Thumb"


def _along(points, chain) -> np.ndarray:
    """1 at the chain's first point, 2 at the second ...; below 1 before it, by the nearest segment's
    parameter."""
    best, result = np.full(len(points), np.inf), np.zeros(len(points))
    for i, (start, end) in enumerate(zip(chain[:-1], chain[1:], strict=True)):
        axis = np.asarray(end) - start
        t = (points - start) @ axis / (axis @ axis)
        inside = np.clip(t, -0.5 if i == 0 else 0, 1.2 if i == len(chain) - 2 else 1)
        distance = np.linalg.norm(points - start - inside[:, None] * axis, axis=1)
        nearer = distance < best
        best[nearer], result[nearer] = distance[nearer], 1 + i + inside[nearer]
    return result


def _face_details(template) -> np.ndarray:
    x, y, z = np.abs(template[:, 0]), template[:, 1], template[:, 2]
    front = y < -110
    brows = front & (np.abs(x - 32) < 20) & (np.abs(z - 752) < 7)
    lips = front & (x < 26) & (np.abs(z - 668) < 9)
    return np.where(brows, 1.0, np.where(lips, 2.0, 0.0))
