"""The blocks that EfficientNet and MobileNetV3 are made of: inverted residuals, with and without gates."""

from keras import layers

from training.backbones.style import CENTRED


def inverted_residual(x, style, filters, kernel, expanded, name, *, activation, squeeze=None, stride=1,
                      shift=CENTRED):  # fmt: skip
    """Widens `x` to `expanded` channels (unless it has them), filters each, gates and narrows them.

    Args:
        squeeze: (channels, activation, gate) of squeeze-and-excitation, or None.
        stride, shift: see training/backbones/style.py.
    """
    if expanded != x.shape[-1]:
        x = style.norm(style.conv(x, expanded, 1, f"{name}_expand"), f"{name}_expand_bn", activation)
    x = style.depthwise(x, kernel, f"{name}_depthwise", stride, shift)
    x = style.norm(x, f"{name}_depthwise_bn", activation)
    if squeeze:
        x = _squeeze_excite(x, *squeeze, name)
    return style.norm(style.conv(x, filters, 1, f"{name}_project"), f"{name}_project_bn")


def fused_inverted_residual(
    x, style, filters, kernel, expanded, name, *, activation, stride=1, shift=CENTRED
):
    """Widens and filters `x` in one convolution, then narrows it; only filters it, if it is not widened."""
    if expanded == x.shape[-1]:
        x = style.conv(x, filters, kernel, f"{name}_project", stride, shift)
        return style.norm(x, f"{name}_project_bn", activation)
    x = style.conv(x, expanded, kernel, f"{name}_expand", stride, shift)
    x = style.norm(x, f"{name}_expand_bn", activation)
    return style.norm(style.conv(x, filters, 1, f"{name}_project"), f"{name}_project_bn")


def add(x, y, name: str, drop_rate: float = 0.0):
    """x + y, where in training `y` is dropped for whole examples with the given probability."""
    if drop_rate > 0:
        y = layers.Dropout(drop_rate, noise_shape=(None, 1, 1, 1), name=f"{name}_drop")(y)
    return layers.Add(name=f"{name}_add")([x, y])


def _squeeze_excite(x, squeezed, activation, gate, name):
    y = layers.GlobalAveragePooling2D(keepdims=True, name=f"{name}_squeeze")(x)
    y = layers.Conv2D(squeezed, 1, activation=activation, name=f"{name}_se_reduce")(y)
    y = layers.Conv2D(x.shape[-1], 1, activation=gate, name=f"{name}_se_expand")(y)
    return layers.Multiply(name=f"{name}_excite")([x, y])
