"""Calibrations of several cameras as Qualisys Track Manager writes them (.qca.txt, XML, millimetres).

The image's y axis points down and the file's rotation is of a frame whose y and z point the other way, so these two
rows are turned. Lengths in the image are 64ths of a pixel. Source: established with a recording whose triangulated
people have human size.
"""

import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from posepile.cameras import Camera
from posepile.datasets import _calibration
from posepile.datasets.raw import RawDataError, array, reading

SUBPIXELS = 64.0
DISTORTION = ("radialDistortion1", "radialDistortion2", "tangentalDistortion1", "tangentalDistortion2")
MAX_BYTES = 1 << 24


def load_qca(file: Path) -> dict[str, Camera]:
    """Serial -> camera; the world's z axis is up. Raises RawDataError."""
    with reading(file):
        data = file.read_bytes()
        if len(data) > MAX_BYTES or b"<!" in data.replace(b"<!--", b""):
            raise ValueError("not a calibration: too long, or XML with declarations")
        found = ElementTree.fromstring(data).findall(".//camera")
        fields = {camera.attrib["serial"]: _fields(camera) for camera in found}
    if not fields:
        raise RawDataError(f"{file}: no <camera>, expected a Qualisys calibration")
    return {serial: _camera(file, serial, *values) for serial, values in fields.items()}


def _fields(camera: ElementTree.Element) -> tuple[dict[str, float], dict[str, float]]:
    transform, intrinsic = camera.find("transform"), camera.find("intrinsic")
    if transform is None or intrinsic is None:
        raise ValueError(f"camera {camera.attrib['serial']!r} has no <transform> or no <intrinsic>")
    return tuple(
        {name: float(value) for name, value in part.attrib.items()} for part in (transform, intrinsic)
    )


def _camera(file: Path, serial: str, transform: dict[str, float], intrinsic: dict[str, float]) -> Camera:
    with reading(file):
        rows = [[transform[f"r{i}{j}"] for j in (1, 2, 3)] for i in (1, 2, 3)]
        position = [transform[axis] for axis in "xyz"]
        focal = [intrinsic[f"focalLength{axis}"] / SUBPIXELS for axis in "UV"]
        centre = [intrinsic[f"centerPoint{axis}"] / SUBPIXELS for axis in "UV"]
        distortion = [intrinsic[name] for name in DISTORTION]
    matrix = np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1]])
    rotation = _calibration.rotation(file, f"transform of {serial}", rows)
    return Camera(
        _calibration.intrinsics(file, f"intrinsic of {serial}", matrix),
        np.array([1.0, -1, -1])[:, None] * rotation,
        array(file, f"position of {serial}", position, (3,), limit=1e6),
        array(file, f"distortion of {serial}", distortion, (4,), limit=100),
        world_up=(0, 0, 1),
    )
