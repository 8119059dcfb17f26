"""Random poses within joint limits, for what motion capture lacks: sitting, lying, kneeling, reaching, ….

Each kind is a small function that draws `Angles`; `draw` adds the limits, `motion` the body and the floor.
"""

from collections.abc import Callable

import numpy as np
from scipy.spatial.transform import Rotation

from posepile.names import unknown_name
from posepile.synthetic.joint_angles import LIMITS, Angles, Arm, Leg, Trunk, limited

Rng = np.random.Generator
SMALL_DEG = 6.0  # spread of what a kind does not care about


def draw(rng: Rng, kind: str | None = None) -> Angles:
    """One random pose of a kind (see KINDS), of a random kind by default.

    Raises:
        UnknownNameError: for a kind that does not exist.
    """
    if kind is None:
        kind = str(rng.choice(list(KINDS), p=list(SHARES.values())))
    if kind not in KINDS:
        raise unknown_name("kind of pose", kind, KINDS)
    angles = KINDS[kind](rng)
    if rng.random() < 0.5:  # what a kind does with one side, the other side does as often
        angles.legs, angles.arms = angles.legs[::-1], angles.arms[::-1]
        x, y, z = angles.pelvis.as_rotvec()
        angles.pelvis = Rotation.from_rotvec([x, -y, -z])
        for part in (angles.spine, angles.neck):
            part.left, part.turn = -part.left, -part.turn
    return limited(angles)


def stand(rng: Rng) -> Angles:
    shift = rng.uniform(0, 25)
    legs = (_leg(rng, (0, 8), (0, 12)), _leg(rng, (shift, shift + 10), (shift, 2 * shift + 10)))
    return _planted(Angles(legs, _arms(rng), _trunk(rng, (-5, 15)), _neck(rng), _tilt(rng, (-5, 8))))


def bend(rng: Rng) -> Angles:
    tilt = rng.uniform(15, 75)
    knee = rng.uniform(0, 45)
    legs = tuple(_leg(rng, (tilt + knee / 2,) * 2, (knee, knee + 8)) for _ in range(2))
    spine = _trunk(rng, (5, 50))
    down = tilt + spine.forwards
    arms = tuple(_arm(rng, (0.4 * down, 1.1 * down), (-10, 40), (0, 60)) for _ in range(2))
    return _planted(Angles(legs, arms, spine, _neck(rng, (-30, 25)), _tilt(rng, (tilt, tilt))))


def squat(rng: Rng) -> Angles:
    knee, tilt = rng.uniform(70, 140), rng.uniform(5, 40)
    open_ = rng.uniform(0, 30)
    legs = tuple(
        _leg(rng, (knee * 0.72 + tilt * 0.8,) * 2, (knee, knee + 5), (open_, open_ + 8)) for _ in range(2)
    )
    return _planted(
        Angles(legs, _arms(rng, front=0.7), _trunk(rng, (0, 35)), _neck(rng), _tilt(rng, (tilt, tilt)))
    )


def sit(rng: Rng) -> Angles:
    """On a chair, a wall, a stool: what carries the person is not drawn."""
    tilt, open_ = rng.uniform(-20, 20), rng.uniform(-3, 22)
    legs = [_leg(rng, (75 + tilt, 95 + tilt), (50, 110), (open_, open_ + 6), (-10, 25)) for _ in range(2)]
    if rng.random() < 0.2:  # one leg over the other
        legs[0] = _leg(rng, (95 + tilt, 108 + tilt), (70, 110), (-14, -6), (-10, 15))
    return Angles(
        tuple(legs), _arms(rng, front=0.7), _trunk(rng, (-5, 35)), _neck(rng), _tilt(rng, (tilt, tilt))
    )


def sit_floor(rng: Rng) -> Angles:
    tilt = rng.uniform(-30, 5)
    style = rng.integers(3)
    if style == 0:  # legs stretched out
        legs = tuple(_leg(rng, (80 + tilt, 92 + tilt), (0, 20), (2, 25), (0, 20)) for _ in range(2))
    elif style == 1:  # cross-legged
        legs = _both(lambda: _leg(rng, (92 + tilt, 106 + tilt), (110, 135), (35, 50), (72, 85)))
    else:  # knees drawn up, the soles level with the seat
        up = rng.uniform(20, 55)
        legs = _both(
            lambda: _leg(rng, (88 + up + tilt, 92 + up + tilt), (2 * up, 2 * up + 8), (0, 15), (0, 15))
        )
    if tilt < -12 and rng.random() < 0.6:  # leaning on the hands
        arms = tuple(_arm(rng, (25, 45), (130, 150), (0, 15)) for _ in range(2))
    else:
        arms = _arms(rng, front=0.8)
    return Angles(legs, arms, _trunk(rng, (0, 40)), _neck(rng), _tilt(rng, (tilt, tilt)))


def kneel(rng: Rng) -> Angles:
    style = rng.integers(3)
    tilt = rng.uniform(-5, 15)
    if style == 0:  # upright on both knees
        legs = tuple(_leg(rng, (tilt, tilt + 8), (85, 100), ankle=(-45, -30)) for _ in range(2))
    elif style == 1:  # on one knee
        legs = (
            _leg(rng, (tilt - 10, tilt + 5), (85, 100), ankle=(-45, 10)),
            _leg(rng, (80 + tilt, 95 + tilt), (80, 100), ankle=(-5, 10)),
        )
    else:  # on the heels
        tilt, knee = rng.uniform(0, 25), rng.uniform(138, 150)
        level = tilt + knee - 90  # with this flexion of the hips the shins are level
        legs = _both(lambda: _leg(rng, (level - 3, level + 5), (knee, knee), (0, 15), (-5, 5), (-45, -38)))
    return Angles(legs, _arms(rng, front=0.5), _trunk(rng, (-5, 25)), _neck(rng), _tilt(rng, (tilt, tilt)))


def all_fours(rng: Rng) -> Angles:
    if rng.random() < 0.3:  # push-up: the lower the chest, the more level the body
        elbow = rng.uniform(0, 80)
        tilt = 67 + elbow / 8
        legs = _both(lambda: _leg(rng, (-3, 5), (0, 4), (0, 12), ankle=(0, 20)))
        arms = _both(lambda: _arm(rng, (tilt - elbow / 2, tilt - elbow / 2), (15, 35), (elbow, elbow + 8)))
    else:
        tilt = rng.uniform(72, 86)
        legs = _both(lambda: _leg(rng, (tilt - 18, tilt + 18), (0, 0), (0, 12), ankle=(-45, -30)))
        for leg in legs:
            leg.knee = 90 - tilt + leg.flexion + rng.uniform(-2, 4)  # the shin lies on the floor
        arms = _both(lambda: _arm(rng, (tilt - 15, tilt + 12), (0, 15), (0, 15)))
    for arm in arms:
        arm.palm_back, arm.wrist = rng.uniform(60, 85), -60.0  # palms on the floor
    return Angles(legs, arms, _trunk(rng, (-8, 12)), _neck(rng, (-45, 10)), _tilt(rng, (tilt, tilt)))


def lie_back(rng: Rng) -> Angles:
    up = rng.uniform(0, 70, size=2) * (rng.random(2) < 0.6)
    legs = tuple(_leg(rng, (u - 2, u + 5), (2 * u, 2 * u + 6), (0, 20), (0, 30), (-40, 5)) for u in up)
    arms = _both(lambda: _flat_arm(rng) if rng.random() < 0.6 else _arm(rng, (15, 70), (-20, 30), (50, 120)))
    spine = Trunk(rng.uniform(-5, 15), rng.normal(0, SMALL_DEG))
    return Angles(legs, arms, spine, _neck(rng), _lying(rng, roll=rng.normal(0, 4)))


def lie_front(rng: Rng) -> Angles:
    legs = list(_both(lambda: _leg(rng, (-4, 3), (0, 12), (2, 25), (0, 25), (-45, -25))))
    if rng.random() < 0.4:  # a leg drawn up sideways, or a shin in the air
        legs[0] = Leg(4, 50, 60, 85, -20) if rng.random() < 0.5 else Leg(0, 6, 5, rng.uniform(30, 110), -20)
    arms = _both(lambda: _flat_arm(rng))
    turn = rng.choice([-1, 1]) * rng.uniform(20, 65)
    neck = Trunk(rng.uniform(-30, 0), rng.normal(0, SMALL_DEG), turn)
    spine = Trunk(rng.uniform(-25, 2), rng.normal(0, SMALL_DEG))
    return Angles(tuple(legs), arms, spine, neck, _lying(rng, roll=180 + rng.normal(0, 4)))


def lie_side(rng: Rng) -> Angles:
    hips = rng.uniform(0, 90)
    legs = tuple(
        _leg(rng, (hips + d - 12, hips + d + 12), (hips, hips + 30), (-12, 2), ankle=(-40, 0))
        for d in (0, rng.uniform(-20, 30))
    )
    below = _arm(rng, (40, 120), (-30, -10), (10, 110))  # the left arm, on which the person lies
    arms = (below, _arm(rng, (20, 120), (-20, 25), (10, 110)))
    return Angles(legs, arms, _trunk(rng, (0, 40)), _neck(rng), _lying(rng, roll=90 + rng.normal(0, 8)))


def reach(rng: Rng) -> Angles:
    """One hand goes far, whatever the rest does."""
    angles = [stand, stand, sit, kneel, squat, sit_floor][rng.integers(6)](rng)
    far = _arm(rng, (50, 165), (-15, 95), (0, 35))
    spine = angles.spine
    spine.turn, spine.left = (
        rng.uniform(-40, 15),
        rng.uniform(-25, 8),
    )  # the left shoulder comes forwards and up
    angles.neck = _neck(rng, (-30, 20))
    angles.arms = (far, angles.arms[1])
    return angles


def overhead(rng: Rng) -> Angles:
    angles = [stand, stand, sit, kneel][rng.integers(4)](rng)
    angles.arms = tuple(_arm(rng, (120, 176), (0, 95), (0, 110)) for _ in range(2))
    angles.neck = _neck(rng, (-40, 15))
    return angles


def free(rng: Rng) -> Angles:
    """Every joint anywhere within the middle of its limits: people in the air, on swings, in the water."""
    legs = tuple(Leg(**_within(rng, Leg, 0.7)) for _ in range(2))
    arms = tuple(Arm(**_within(rng, Arm)) for _ in range(2))
    spine, neck = Trunk(**_within(rng, Trunk, 0.6)), Trunk(**_within(rng, Trunk, 0.6))
    pelvis = Rotation.from_euler("xy", rng.normal(0, 35, size=2), degrees=True)
    return Angles(legs, arms, spine, neck, pelvis)


KINDS: dict[str, Callable[[Rng], Angles]] = {
    kind.__name__: kind
    for kind in (
        stand, bend, squat, sit, sit_floor, kneel, all_fours,
        lie_back, lie_front, lie_side, reach, overhead, free,
    )
}  # fmt: skip
# How often each kind is drawn; standing people come from motion capture anyway.
SHARES = dict(zip(KINDS, (4, 8, 8, 18, 10, 8, 6, 6, 5, 6, 9, 6, 6), strict=True))
SHARES = {kind: share / sum(SHARES.values()) for kind, share in SHARES.items()}


def _leg(rng, flexion, knee, abduction=(0, 10), outward=(-2, 18), ankle=(-15, 10)) -> Leg:
    return Leg(*(rng.uniform(*between) for between in (flexion, abduction, outward, knee, ankle)))


def _arm(rng, elevation, azimuth, elbow) -> Arm:
    twist, palm, wrist = rng.normal(0, 22), rng.normal(20, 35), rng.normal(5, 18)
    return Arm(rng.uniform(*elevation), rng.uniform(*azimuth), twist, rng.uniform(*elbow), palm, wrist)


def _flat_arm(rng: Rng) -> Arm:
    """An arm in the trunk's plane: at the hips, raised with the forearm towards the head, or straight."""
    if rng.random() < 0.5:
        arm = _arm(rng, (80, 115), (87, 95), (20, 120))
        arm.twist = 60.0
        return arm
    return _arm(rng, (8, 30) if rng.random() < 0.5 else (100, 170), (85, 95), (0, 12))


def _both(make: Callable[[], Leg | Arm]) -> tuple:
    return make(), make()


def _arms(rng: Rng, front: float = 0.4) -> tuple[Arm, Arm]:
    """Relaxed or busy arms; with probability `front` both hands are before the body (lap, table, tool)."""
    if rng.random() < front:
        height = rng.uniform(5, 55)
        return tuple(_arm(rng, (height, height + 20), (-15, 45), (20, 110)) for _ in range(2))
    return tuple(_arm(rng, (9, 60), (30, 120), (0, 100)) for _ in range(2))


def _trunk(rng: Rng, forwards: tuple[float, float]) -> Trunk:
    return Trunk(rng.uniform(*forwards), rng.normal(0, SMALL_DEG), rng.normal(0, 10))


def _neck(rng: Rng, forwards: tuple[float, float] = (-20, 30)) -> Trunk:
    return Trunk(rng.uniform(*forwards), rng.normal(0, SMALL_DEG), rng.normal(0, 22))


def _tilt(rng: Rng, forwards: tuple[float, float]) -> Rotation:
    return Rotation.from_euler("xy", [rng.uniform(*forwards), rng.normal(0, 3)], degrees=True)


def _lying(rng: Rng, roll: float) -> Rotation:
    """On the back at roll 0, on the side at 90, on the front at 180."""
    return Rotation.from_euler("xy", [-90 + rng.normal(0, 1.5), roll], degrees=True)


def _planted(angles: Angles) -> Angles:
    """Turns the ankles so that both soles are level, as far as the ankles go."""
    forwards = angles.pelvis.as_euler("xyz", degrees=True)[0]
    for leg in angles.legs:
        leg.ankle = forwards - leg.flexion + leg.knee
    return angles


def _within(rng: Rng, kind: type, share: float = 0.8) -> dict[str, float]:
    """Uniform within the middle part of the limits."""
    result = {}
    for name, (low, high) in LIMITS[kind].items():
        middle, half = (low + high) / 2, share * (high - low) / 2
        result[name] = float(rng.uniform(middle - half, middle + half))
    return result
