"""CHI3D: two people in close contact in a studio, four cameras; one of them wears markers (Fieraru 2020)."""

from dataclasses import dataclass
from typing import ClassVar

from posepile.datasets import _imar
from posepile.datasets.dataset import Facts


@dataclass(frozen=True)
class CHI3D(_imar.Imar):
    """CHI3D, 25 joints, the train pairs: who wears the markers. The other one's joints, fitted, are not read."""

    facts: ClassVar[Facts] = Facts(
        id="chi3d",
        title="CHI3D (Close Human Interactions 3D)",
        role="3d",
        licence="research use, by request and with a personal account; see the terms there",
        citation="Fieraru, Zanfir, Oneata, Popa, Olaru, Sminchisescu: Three-Dimensional Reconstruction of Human "
        "Interactions. CVPR 2020",
        url="https://ci3d.imar.ro/chi3d",
        how_to_get=(
            "Ask for access at https://ci3d.imar.ro/chi3d and get chi3d_train.tar.gz and chi3d_info.json.",
            "Unpack to ROOT/train/<pair>/{videos,camera_parameters,joints3d_25}; put chi3d_info.json into ROOT.",
        ),
        needs=_imar.NEEDS,
        examples=46_231,
        uses_detector=True,
    )
    has_pairs: ClassVar[bool] = True


DATASET = CHI3D
