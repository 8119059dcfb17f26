"""Metadata, dependencies and extras of `dozens`. The exact versions that `make` installs are in requirements.lock."""

from setuptools import find_packages, setup

ROOMS = ["posepile", "affine_combining", "training", "evaluation", "serving", "dozens"]

REQUIRED = [
    "array-record>=0.8",
    "h5py>=3.11",
    "imageio>=2.34",
    "imageio-ffmpeg>=0.5",
    "keras>=3.15",
    "matplotlib>=3.9",
    "more-itertools>=10",
    "numba>=0.61",
    "numpy>=2.0",
    "opencv-python-headless>=5.0",  # 4.x returns part of a truncated JPEG without a word
    "pillow>=10",
    "protobuf>=6.31",
    "pyarrow>=17",
    "pycocotools>=2.0.8",
    "rich>=13",
    "rlemasklib>=0.8",
    "scipy>=1.13",
    "simplejpeg>=1.7",  # decodes in less time than OpenCV, to the same pixels
    "tensorflow>=2.21",
    "tyro>=0.9",
]

EXTRAS = {
    "gpu": ["jax[cuda12]>=0.4.35", "tensorflow[and-cuda]>=2.21"],  # both of CUDA 12; `jax` alone is for CPUs
    "export": [
        "ai-edge-litert>=2.1",
        "backports-strenum<1.3",  # of ai-edge-litert; later ones refuse Python 3.11, which uv does not see
        "onnx>=1.18",
        "onnxruntime>=1.20",
        "tf2onnx>=1.17",
    ],
    "jax": ["jax>=0.4.35"],
    "prepare": [
        "cdflib>=1.3",
        "cloudpickle>=3.0",
        "dask>=2024.8",
        "distributed>=2024.8",
        "ezc3d>=1.5",
        "keras-hub>=0.32",
        "pyyaml>=6",
    ],
    "wandb": ["wandb>=0.18"],
    "serving": ["grpcio>=1.60"],
    "docs": ["pdoc>=15"],
    # What an installation without build isolation needs: the lock file pins the build tool too.
    "build": ["setuptools>=77", "wheel"],
    "test": ["hypothesis>=6.100", "pandas>=2.2", "pytest>=8", "pytest-xdist>=3.6", "ruff>=0.8"],
}

setup(
    name="dozens",
    version="0.1.0",
    description="3D human pose estimation trained on dozens of data sets whose skeletons differ",
    long_description=open("README.md", encoding="utf-8").read(),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    license_files=["LICENSE", "NOTICE"],
    python_requires=">=3.11",
    packages=find_packages(include=[*ROOMS, *(f"{room}.*" for room in ROOMS)]),
    package_data={
        "posepile": ["skeletons/**/*.toml", "mixtures/*.toml", "synthetic/data/*", "inspection/data/*"],
        "evaluation": ["published.toml"],
        "training": ["backbones/data/*"],
    },
    install_requires=REQUIRED,
    extras_require=EXTRAS,
    entry_points={"console_scripts": ["dozens = dozens.cli:main"]},
)
