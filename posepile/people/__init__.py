"""Person detectors (boxes) and person segmenters (masks), behind two small interfaces.

`load_detector("movenet").detect(image)` and `load_segmenter("blazepose").segment(image)` work once
`dozens fetch detector` and `dozens fetch segmenter` have been run; nothing is downloaded otherwise.
`CachedDetector` remembers boxes by the image's name, so that a repeated preparation does not look again.
YOLOv4 (darknet weights) and DeepLabv3+ (keras-hub) need weights that the user brings.
docs/people.md compares them.
"""

from posepile.people.cache import CachedDetector
from posepile.people.interfaces import Detector, KeypointDetector, Segmenter
from posepile.people.registry import DETECTORS, SEGMENTERS, load_detector, load_segmenter

__all__ = [
    "CachedDetector",
    "DETECTORS",
    "Detector",
    "KeypointDetector",
    "SEGMENTERS",
    "Segmenter",
    "load_detector",
    "load_segmenter",
]
