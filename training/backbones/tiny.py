"""A small residual network for demonstrations on a CPU, whose features mirror with the image."""

from keras import layers

from training.backbones.style import normalise
from training.ghost_norm import GhostNorm


def tiny(image, group_size, channels=(24, 48, 96), blocks=(0, 1, 1), **_):
    """(image, group_size) -> features of 96 channels, stride 16.

    Even strided convolutions, and residual blocks of 3x3 ones between them.
    """
    x = normalise(image)
    for stage, (filters, n_blocks) in enumerate(zip(channels, blocks, strict=True)):
        kernel, stride = (8, 4) if stage == 0 else (4, 2)
        name = f"down{stage}"
        x = layers.ReLU(name=f"{name}_relu")(_conv_norm(x, filters, kernel, stride, group_size, name))
        for block in range(n_blocks):
            name = f"block{stage}{block}"
            y = layers.ReLU(name=f"{name}a_relu")(_conv_norm(x, filters, 3, 1, group_size, f"{name}a"))
            y = _conv_norm(y, filters, 3, 1, group_size, f"{name}b")
            x = layers.ReLU(name=f"{name}_relu")(layers.Add(name=f"{name}_add")([x, y]))
    return x


def _conv_norm(x, filters, kernel, stride, group_size, name):
    if stride > 1:
        x = layers.ZeroPadding2D((kernel - stride) // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(
        filters,
        kernel,
        stride,
        "same" if stride == 1 else "valid",
        use_bias=False,
        kernel_initializer="he_normal",
        name=f"{name}_conv",
    )(x)
    return GhostNorm(group_size, name=f"{name}_norm")(x)
