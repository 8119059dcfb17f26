"""Speed of a training step: forward, all losses, backward and update, on data that is already on the device.

    python benchmarks/train_step.py --backend jax --yardstick
    python benchmarks/train_step.py --backend tensorflow --smoke

The default is the paper's small model: EfficientNetV2-S, 256 px, 555 joints, 96 + 32 examples, in bfloat16. The
yardstick is PyTorch's EfficientNetV2-S (torchvision, not a dependency of ours) with the same head and a plain L1 loss
on its positions, timed in a process of its own right after. Three windows of steps are timed after a warm-up; the
device is waited for at the end of each. The last line is JSON: images per second, median and all three.
"""

import json
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import tyro

WINDOWS = 3
PAPER_JOINTS = 555


@dataclass(frozen=True)
class Settings:
    """What is measured."""

    backend: Literal["jax", "tensorflow", "torch"] = "jax"
    """Keras' backend; "torch" is the yardstick alone."""
    backbone: str = "efficientnetv2-s"
    """Of ours; the yardstick is always EfficientNetV2-S."""
    crop_side: int = 256
    joints: int = PAPER_JOINTS
    batch: int = 128
    """A quarter of it is 2D-labelled."""
    ghost_group_size: int = 16
    precision: Literal["float32", "mixed_float16", "mixed_bfloat16"] = "mixed_bfloat16"
    steps: int = 50
    """In a window."""
    warm_up: int = 10
    yardstick: bool = False
    """Time PyTorch, too, and give the ratio."""
    compile: bool = False
    """The yardstick through torch.compile."""
    smoke: bool = False
    """Tiny sizes, which show on any machine that the script runs."""


def main(settings: Settings) -> dict[str, Any]:
    if settings.smoke:
        settings = smoke(settings)
    if settings.backend == "torch":
        facts, windows = time_torch(settings)
    else:
        os.environ["KERAS_BACKEND"] = settings.backend
        facts, windows = time_keras(settings)
    rates = [settings.batch * settings.steps / seconds for seconds in windows]
    result = {
        "images_per_s": round(statistics.median(rates), 1),
        "windows": [round(rate, 1) for rate in rates],
        **facts,
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        **vars(settings),
    }
    if settings.yardstick and settings.backend != "torch":
        other = run_yardstick(settings)
        result |= {"yardstick": other, "ratio": round(result["images_per_s"] / other["images_per_s"], 3)}
    return result


def smoke(settings: Settings) -> Settings:
    return replace(
        settings, backbone="tiny", crop_side=64, joints=24, batch=8, ghost_group_size=4, precision="float32",
        steps=2, warm_up=1,
    )  # fmt: skip


def time_keras(settings: Settings) -> tuple[dict[str, Any], list[float]]:
    """Facts about the run, and the seconds of each window, of our network on Keras' backend."""
    import keras

    from training.build import build_model
    from training.config import DataConfig, ModelConfig, TrainConfig
    from training.optimizer import build_optimizer

    model_config = ModelConfig(
        settings.backbone, crop_side=settings.crop_side, ghost_group_size=settings.ghost_group_size
    )
    data = DataConfig(shares=(("3d", settings.batch * 3 // 4), ("2d", settings.batch // 4)))
    config = TrainConfig(model=model_config, data=data, precision=settings.precision)
    model = build_model(config, _Joints(joint_names(settings.joints)))
    # Past the steps at which terms of the loss set in, so that all of them take part
    model.step.assign(config.loss.absolute_from_step + 1)
    optimizer = build_optimizer(config.optimizer, config.steps, config.precision)
    model.compile(optimizer=optimizer, jit_compile=True)
    optimizer.build(model.trainable_variables)
    step, wait = {"jax": _jax_step, "tensorflow": _tensorflow_step}[settings.backend](
        model, random_batch(settings)
    )
    facts = {"parameters": model.count_params(), "keras": keras.__version__, "device": _device_name(settings)}
    return facts, timed(step, wait, settings)


@dataclass(frozen=True)
class _Joints:
    joints: tuple[str, ...]


def _jax_step(model, batch) -> tuple[Callable, Callable]:
    import jax

    batch = jax.device_put(batch)
    step = jax.jit(model.train_step, donate_argnums=0)
    groups = (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )
    state = [tuple([variable.value for variable in group] for group in groups)]

    def run():
        _, state[0] = step(state[0], batch)

    return run, lambda: jax.block_until_ready(state[0])


def _tensorflow_step(model, batch) -> tuple[Callable, Callable]:
    import tensorflow as tf

    batch = tf.nest.map_structure(tf.constant, batch)
    step = tf.function(model.train_step, jit_compile=bool(tf.config.list_physical_devices("GPU")))
    last = [None]

    def run():
        last[0] = step(batch)

    return run, lambda: float(last[0]["loss"])


def time_torch(settings: Settings) -> tuple[dict[str, Any], list[float]]:
    """The same of the yardstick."""
    try:
        import torch
        import torchvision
    except ModuleNotFoundError as error:
        raise SystemExit(f"the yardstick needs torch and torchvision, which are not ours: {error}") from error

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.backends.cudnn.benchmark = True
    network = TorchPose.made(torch, torchvision, settings.joints).to(
        device, memory_format=torch.channels_last
    )
    network.train()
    if settings.compile:
        network = torch.compile(network)
    optimizer = torch.optim.AdamW(network.parameters(), 2e-4, fused=device.type == "cuda")
    x, y = random_batch(settings)
    image = (
        torch.from_numpy(x["image"]).to(device).permute(0, 3, 1, 2).float() / 255
    )  # channels last in memory
    target = torch.rand((settings.batch, 5, settings.joints), device=device)
    half = {"mixed_float16": torch.float16, "mixed_bfloat16": torch.bfloat16}.get(settings.precision)

    def run():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast(device.type, half, enabled=half is not None):
            predicted = network(image)
        torch.nn.functional.l1_loss(predicted.float(), target).backward()
        optimizer.step()

    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    name = torch.cuda.get_device_name() if device.type == "cuda" else "cpu"
    parameters = sum(p.numel() for p in network.parameters())
    return {"parameters": parameters, "torch": torch.__version__, "device": name}, timed(run, wait, settings)


class TorchPose:
    """PyTorch's network, made when torch is there: features, 1x1 convolution, both soft-argmaxes."""

    @staticmethod
    def made(torch, torchvision, joints: int, depth_bins: int = 8):
        class Network(torch.nn.Module):
            def __init__(self):
                super().__init__()
                self.features = torchvision.models.efficientnet_v2_s().features
                self.head = torch.nn.Conv2d(1280, joints * (1 + depth_bins), 1)

            def forward(self, image):
                """[B, 3, R, R] -> [B, 5, joints]: u, v of the plane and u, v, depth of the volume, in 0..1."""
                logits = self.head(self.features(image)).float()
                b, _, h, w = logits.shape
                flat, volume = logits[:, :joints], logits[:, joints:].reshape(b, depth_bins, joints, h, w)
                plane = flat.reshape(b, joints, h * w).softmax(-1).reshape(b, joints, h, w)
                volume = volume.permute(0, 2, 1, 3, 4).reshape(b, joints, -1).softmax(-1)
                volume = volume.reshape(b, joints, depth_bins, h, w)
                x, y, z = (torch.linspace(0, 1, n, device=image.device) for n in (w, h, depth_bins))
                parts = [(plane.sum(2) * x).sum(-1), (plane.sum(3) * y).sum(-1)]
                parts += [(volume.sum((2, 3)) * x).sum(-1), (volume.sum((2, 4)) * y).sum(-1)]
                parts += [(volume.sum((3, 4)) * z).sum(-1)]
                return torch.stack(parts, 1)

        return Network()


def timed(step: Callable, wait: Callable, settings: Settings) -> list[float]:
    """Seconds of each window of steps, the device included, after the warm-up."""
    for _ in range(settings.warm_up):
        step()
    wait()
    windows = []
    for _ in range(WINDOWS):
        began = time.perf_counter()
        for _ in range(settings.steps):
            step()
        wait()
        windows.append(time.perf_counter() - began)
    return windows


def run_yardstick(settings: Settings) -> dict[str, Any]:
    """The same sizes with PyTorch, in a process of its own: two frameworks would fight for the memory."""
    command = [sys.executable, __file__, "--backend", "torch", "--batch", str(settings.batch)]
    command += [
        "--joints",
        str(settings.joints),
        "--crop-side",
        str(settings.crop_side),
        "--steps",
        str(settings.steps),
    ]
    command += ["--warm-up", str(settings.warm_up), "--precision", settings.precision]
    command += ["--compile"] if settings.compile else []
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    return json.loads(process.stdout.splitlines()[-1])


def joint_names(n: int) -> tuple[str, ...]:
    """The joints of all 28 data sets, or n made-up ones."""
    from posepile import skeletons

    return skeletons.load("large").joints if n == PAPER_JOINTS else tuple(f"lsho_{i}" for i in range(n))


def random_batch(settings: Settings):
    """(x, y) as the input pipeline makes them: bytes of images, poses that lie in the crop."""
    rng = np.random.default_rng(0)
    n2d, side = settings.batch // 4, settings.crop_side
    n3d, centre = settings.batch - n2d, (side - 1) / 2
    intrinsics = np.float32([[1.5 * side, 0, centre], [0, 1.5 * side, centre], [0, 0, 1]])
    joints3d = rng.normal(size=(n3d, settings.joints, 3)) * 300 + [0, 0, 4000]
    x = {
        "image": rng.integers(0, 256, (settings.batch, side, side, 3), np.uint8),
        "intrinsics": np.tile(intrinsics, (settings.batch, 1, 1)),
    }
    y = {
        "joints3d": joints3d.astype(np.float32),
        "valid3d": rng.random((n3d, settings.joints)) < 0.2,
        "joints2d": rng.uniform(0, side - 1, (n2d, 17, 2)).astype(np.float32),
        "valid2d": np.ones((n2d, 17), bool),
    }
    return x, y


def _device_name(settings: Settings) -> str:
    if settings.backend == "jax":
        import jax

        return jax.devices()[0].device_kind
    import tensorflow as tf

    found = tf.config.list_physical_devices("GPU")
    return tf.config.experimental.get_device_details(found[0]).get("device_name", "GPU") if found else "cpu"


if __name__ == "__main__":
    print(json.dumps(main(tyro.cli(Settings, description=__doc__))))
