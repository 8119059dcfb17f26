"""HumanSC3D: people who touch themselves, in a studio, four cameras, a marker system's joints (Fieraru 2021)."""

from dataclasses import dataclass
from typing import ClassVar

from posepile.datasets import _imar
from posepile.datasets.dataset import Facts


@dataclass(frozen=True)
class HumanSC3D(_imar.Imar):
    """HumanSC3D, 25 joints, the train subjects; the box that a detector finds around them."""

    facts: ClassVar[Facts] = Facts(
        id="humansc3d",
        title="HumanSC3D (Human Self-Contact 3D)",
        role="3d",
        licence="research use, by request and with a personal account; see the terms there",
        citation="Fieraru, Zanfir, Oneata, Popa, Olaru, Sminchisescu: Learning Complex 3D Human Self-Contact. AAAI "
        "2021, 35(2)",
        url="https://sc3d.imar.ro/humansc3d",
        how_to_get=(
            "Ask for access at https://sc3d.imar.ro/humansc3d and get humansc3d_train.tar.gz and humansc3d_info.json.",
            "Unpack to ROOT/train/<subject>/{videos,camera_parameters,joints3d_25}; put humansc3d_info.json into "
            "ROOT.",
        ),
        needs=_imar.NEEDS,
        examples=71_847,
        uses_detector=True,
    )


DATASET = HumanSC3D
