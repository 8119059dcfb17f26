"""Cards: one example each, with the labels drawn over the image, a 3D view, and what there is to say about it."""

import base64
from collections.abc import Sequence

import cv2
import numpy as np

from posepile import boxes, masks
from posepile.example import PoseExample
from posepile.inspection.labels import joint_pixels
from posepile.inspection.markup import Html, element, joined
from posepile.jpeg import image_size

LONGEST_SIDE, LARGEST_BYTES, QUALITY = 384, 64_000, 80  # 60 images are at most about 5 MB in base64
CONTOUR_PX = 0.5  # how far a simplified outline may be from the mask's


def side_of(base_joint: str) -> str:
    """left, right or centre, by the first letter of a joint's name, as everywhere in the pile."""
    return {"l": "left", "r": "right"}.get(base_joint[0], "centre")


def edge_side(a: str, b: str) -> str:
    """The side of an edge between joints of two sides: a hip bone belongs to its hip, a shoulder line to none."""
    named = {a, b} - {"centre"}
    return named.pop() if len(named) == 1 else "centre"


def card(
    example: PoseExample, number: int, edges: Sequence[tuple[int, int]], sides: Sequence[str],
    reasons: Sequence[str] = (), score: float | None = None,
) -> Html:  # fmt: skip
    """An example of the page; `number` is the place of its points in the page's data."""
    photo = _photo(example, edges, sides)
    view = None
    if example.joints3d is not None and example.camera is not None:
        view = element(
            "canvas", tabindex=0, role="img", aria_label="3D view: drag or use the arrow keys to turn"
        )
    else:
        view = element("p", "2D labels only", class_="flat soft")
    said = [element("li", reason) for reason in reasons]
    marks = [element("span", f"{score:.1f}", class_="score", title="score")] if score is not None else []
    tags = [element("span", f"{name} {value}") for name, value in sorted(example.tags.items()) if value]
    return element(
        "article",
        element("div", photo, view, class_="views"),
        element("p", *marks, element("code", example.key), class_="key"),
        element("ul", *said, class_="reasons") if said else "",
        element("p", *tags, element("span", class_="hover"), class_="tags"),
        class_="card", data_number=number,
    )  # fmt: skip


def points(example: PoseExample) -> dict[str, list[int | float | None]]:
    """What the page's script draws, flat and rounded: "xyz" [3 J] mm around the person's middle, y down along
    gravity and z away from the camera; "uv" [2 J] px. None where there is nothing."""
    found = {"uv": _rounded(joint_pixels(example), 1)}
    if example.joints3d is not None and example.camera is not None:
        upright = np.asarray(example.joints3d, np.float64) @ _upright_axes(example.camera).T
        extent = boxes.of_points(upright[:, :2])
        depth = upright[:, 2][np.isfinite(upright[:, 2])]
        middle = [*boxes.centre(extent), (depth.min() + depth.max()) / 2 if depth.size else 0]
        found["xyz"] = _rounded(upright - middle, 0)
    return found


def _upright_axes(camera) -> np.ndarray:
    """[3, 3]: world to axes right, down (along gravity), forward, as seen from the camera."""
    down = -np.asarray(camera.world_up, float)
    down /= np.linalg.norm(down)
    forward = camera.rotation[2] - down * (down @ camera.rotation[2])
    if np.linalg.norm(forward) < 0.1:  # it looks straight down or up
        return camera.rotation
    forward /= np.linalg.norm(forward)
    right = np.cross(down, forward) * np.sign(np.linalg.det(camera.rotation))  # a mirrored camera stays so
    return np.stack([right, down, forward])


def _rounded(values: np.ndarray, decimals: int) -> list[int | float | None]:
    finite = np.isfinite(values).all(axis=1, keepdims=True)
    numbers = np.where(finite, np.clip(values, -1e7, 1e7), np.nan).round(decimals).ravel().tolist()
    return [None if v != v else int(v) if v == int(v) else v for v in numbers]


def _photo(example: PoseExample, edges: Sequence[tuple[int, int]], sides: Sequence[str]) -> Html:
    width, height = image_size(example.image)
    jpeg = _small_jpeg(example.image)
    if jpeg is None:
        image = element("p", "the image cannot be decoded", class_="broken")
    else:
        code = base64.b64encode(jpeg).decode()
        image = element("img", src=f"data:image/jpeg;base64,{code}", alt="")
    x, y, w, h = example.box.tolist()
    lines, dots = _pose_paths(joint_pixels(example), edges, sides)
    outline = [element("path", d=_outline(example.mask), class_="mask")] if example.mask is not None else []
    drawing = element(
        "svg", *outline, element("rect", x=x, y=y, width=w, height=h, class_="box"),
        element("g", *lines, *dots, class_="pose"), element("circle", class_="ring", r=0),
        viewBox=f"-0.5 -0.5 {width} {height}",
    )  # fmt: skip
    return element("button", image, drawing, class_="photo", type="button", title="enlarge")


def _pose_paths(pixels: np.ndarray, edges, sides: Sequence[str]) -> tuple[list[Html], list[Html]]:
    """One path for all bones of a side and one for all its joints: an SVG of few elements."""
    known = np.isfinite(pixels).all(axis=1)
    at = [f"{x:.1f} {y:.1f}" for x, y in np.clip(pixels, -1e5, 1e5)]
    lines, dots = [], []
    for side in ("centre", "right", "left"):
        bones = [
            f"M{at[a]}L{at[b]}"
            for a, b in edges
            if known[a] and known[b] and edge_side(sides[a], sides[b]) == side
        ]
        joints = [f"M{at[j]}h0" for j in range(len(pixels)) if known[j] and sides[j] == side]
        lines += [element("path", d="".join(bones), class_=f"bone-line {side}")] if bones else []
        dots += [element("path", d="".join(joints), class_=f"joint-dot {side}")] if joints else []
    return lines, dots


def _outline(rle: dict) -> str:
    mask = masks.decode(rle).view(np.uint8)
    contours, _ = cv2.findContours(mask, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    simple = (cv2.approxPolyDP(contour, CONTOUR_PX, True)[:, 0].tolist() for contour in contours)
    return "".join("M" + "L".join(f"{x} {y}" for x, y in contour) + "Z" for contour in simple)


def _small_jpeg(jpeg: bytes) -> bytes | None:
    """The stored bytes if they are small, otherwise a smaller image; None if nobody can read them."""
    image = cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR)
    if image is None:
        return None
    height, width = image.shape[:2]
    if max(height, width) <= LONGEST_SIDE and len(jpeg) <= LARGEST_BYTES:
        return jpeg
    scale = min(1.0, LONGEST_SIDE / max(height, width))
    size = max(round(width * scale), 1), max(round(height * scale), 1)
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, QUALITY])[1].tobytes()


def grid(cards: Sequence[Html]) -> Html:
    return element("div", joined(*cards), class_="grid")
