"""Fit3D: fitness exercises in a studio, four cameras at 50 frames/s, a marker system's joints (Fieraru 2021)."""

from dataclasses import dataclass
from typing import ClassVar

from posepile.datasets import _imar
from posepile.datasets.dataset import Facts


@dataclass(frozen=True)
class Fit3D(_imar.Imar):
    """Fit3D, 25 joints, the train subjects; the box that a detector finds around them."""

    facts: ClassVar[Facts] = Facts(
        id="fit3d",
        title="Fit3D (AIFit)",
        role="3d",
        licence="research use, by request and with a personal account; see the terms there",
        citation="Fieraru, Zanfir, Pirlea, Olaru, Sminchisescu: AIFit: Automatic 3D Human-Interpretable Feedback "
        "Models for Fitness Training. CVPR 2021",
        url="https://fit3d.imar.ro/",
        how_to_get=(
            "Ask for access at https://fit3d.imar.ro/ and get fit3d_train.tar.gz and fit3d_info.json.",
            "Unpack to ROOT/train/<subject>/{videos,camera_parameters,joints3d_25}; put fit3d_info.json into ROOT.",
        ),
        needs=_imar.NEEDS,
        examples=147_314,
        uses_detector=True,
    )


DATASET = Fit3D
