"""The inner loops of augmentation, compiled by numba; one thread each, and the GIL is released.

A crop is worked on as planes: [4, R, R] uint8, red, green, blue and the person's mask, because loops over one
plane become vector instructions, which those over interleaved pixels do not (5 times as fast here). Numbers are
float32 without fast-math, so that a machine gives the same bytes every time.

The compiled functions stay in one file: numba's cache notices when a function's own file changes, not when a
function that it calls in another file does.
"""

import numpy as np
from numba import njit

BRIGHTNESS, CONTRAST, HUE, SATURATION = range(4)

_ZERO, _HALF, _ONE, _SIX = np.float32(0), np.float32(0.5), np.float32(1), np.float32(6)
_FROM_BYTE, _TO_BYTE = np.float32(1 / 255), np.float32(255)
_TINY = np.float32(1e-9)  # against 0 / 0 at grey pixels, whose hue and saturation do not matter
_ROUND = np.float32(1.5 * 2**23)  # added and subtracted, it rounds to the nearest integer, halves to even
_PART = 256  # pixels at a time, which stay in the fastest cache


@njit(cache=True, nogil=True, error_model="numpy")
def recolour(planes, order, brightness, contrast, hue, saturation):
    """Changes the colours of [>= 3, n] uint8 planes in place.

    Args:
        order: [k] int, constants of this module in the order of application.
        brightness: to add, on the scale 0..1. contrast: factor about 0.5. hue: turn in units of 60 degrees (-6 to 6).
            saturation: factor.

    Values are clipped to 0..1 before each change of hue or saturation and at the end, and rounded once. What changes
    nothing is left out.
    """
    brightness, contrast = np.float32(brightness), np.float32(contrast)
    hue, saturation = np.float32(hue), np.float32(saturation)
    n = planes.shape[1]
    red, green, blue = np.empty(_PART, np.float32), np.empty(_PART, np.float32), np.empty(_PART, np.float32)
    for first in range(0, n, _PART):
        last = min(first + _PART, n)
        _load(planes[0, first:last], red)
        _load(planes[1, first:last], green)
        _load(planes[2, first:last], blue)
        for change in order:
            if change == HUE and hue != _ZERO:
                _turn_hue(red, green, blue, hue)
            elif change == SATURATION and saturation != _ONE:
                _saturate(red, green, blue, saturation)
            elif change == BRIGHTNESS and brightness != _ZERO:
                for channel in (red, green, blue):
                    _scale_and_add(channel, _ONE, brightness)
            elif change == CONTRAST and contrast != _ONE:
                for channel in (red, green, blue):
                    _scale_and_add(channel, contrast, _HALF * (_ONE - contrast))
        _store(red, planes[0, first:last])
        _store(green, planes[1, first:last])
        _store(blue, planes[2, first:last])


@njit(cache=True, nogil=True, error_model="numpy")
def put_behind(planes, photo, scale, shift_x, shift_y):
    """Replaces what is not the person by a photo: planes [4, R, R] uint8, in place.

    Args:
        photo: [3, S, S] uint8, the same channels.
        scale: px of the crop per px of the photo.
        shift_x, shift_y: px of the crop, from its middle to the photo's.

    The photo is interpolated linearly; beyond its border, its last pixels are repeated.
    """
    side, last = planes.shape[1], photo.shape[1] - 1
    middle, middle_of_photo = (side - 1) / 2, last / 2
    left, share = np.empty(side, np.uint32), np.empty(side, np.float32)
    for x in range(side):
        place = min(max((x - middle - shift_x) / scale + middle_of_photo, 0.0), np.float64(last))
        left[x] = min(np.int64(place), last - 1)
        share[x] = place - left[x]
    low, high = np.int64(left[0]), np.int64(left[side - 1]) + 2  # the columns that are seen
    left -= np.uint32(low)
    rows, drawn = np.empty((3, high - low), np.float32), np.empty((3, side), np.float32)
    for y in range(side):
        place = min(max((y - middle - shift_y) / scale + middle_of_photo, 0.0), np.float64(last))
        top = min(np.int64(place), last - 1)
        for k in range(3):
            upper, lower = photo[k, top, low:high], photo[k, top + 1, low:high]
            _mix_rows(upper, lower, np.float32(place - top), rows[k])
        _pick(rows[0], rows[1], rows[2], left, share, drawn[0], drawn[1], drawn[2])
        for k in range(3):
            _blend(planes[k, y], drawn[k], planes[3, y])


@njit(cache=True, nogil=True)
def paste(planes, picture, left, top):
    """Puts a cut-out before planes [>= 3, R, R], in place; it may stick out.

    Args:
        picture: [4, h, w] uint8: red, green, blue and how much of a pixel is the object.
    """
    height, width = planes.shape[1:]
    first, last = max(0, -left), min(picture.shape[2], width - left)
    if first >= last:
        return
    for v in range(max(0, -top), min(picture.shape[1], height - top)):
        alpha = picture[3, v, first:last]
        for k in range(3):
            _lay_over(planes[k, top + v, left + first : left + last], picture[k, v, first:last], alpha)


@njit(cache=True, nogil=True)
def _load(plane, channel):
    for x in range(len(plane)):
        channel[x] = np.float32(plane[x]) * _FROM_BYTE


@njit(cache=True, nogil=True)
def _store(channel, plane):
    for x in range(len(plane)):
        plane[x] = np.uint8(np.int32((_clip(channel[x]) * _TO_BYTE + _ROUND) - _ROUND))


@njit(cache=True, nogil=True)
def _scale_and_add(channel, factor, summand):
    for x in range(len(channel)):
        channel[x] = channel[x] * factor + summand


@njit(cache=True, nogil=True, error_model="numpy")
def _saturate(red, green, blue, factor):
    """HSV's saturation times a factor, 1 at most: the channels' distances from the largest one grow alike."""
    for x in range(len(red)):
        r, g, b = _clip(red[x]), _clip(green[x]), _clip(blue[x])
        value = max(r, max(g, b))
        chroma = value - min(r, min(g, b))
        growth = min(factor, value / (chroma + _TINY))
        red[x] = value - (value - r) * growth
        green[x] = value - (value - g) * growth
        blue[x] = value - (value - b) * growth


@njit(cache=True, nogil=True, error_model="numpy")
def _turn_hue(red, green, blue, sextants):
    """Turns HSV's hue; without branches, so that it becomes vector instructions."""
    for x in range(len(red)):
        r, g, b = _clip(red[x]), _clip(green[x]), _clip(blue[x])
        value = max(r, max(g, b))
        chroma = value - min(r, min(g, b))
        per_chroma = _ONE / (chroma + _TINY)
        hue = np.float32(4) + (r - g) * per_chroma
        hue = np.float32(2) + (b - r) * per_chroma if value == g else hue
        hue = (g - b) * per_chroma if value == r else hue
        hue += sextants + np.float32(12)  # positive, so that dropping the fraction rounds down
        red[x] = _channel(hue + np.float32(5), value, chroma)
        green[x] = _channel(hue + np.float32(3), value, chroma)
        blue[x] = _channel(hue + _ONE, value, chroma)


@njit(cache=True, nogil=True, inline="always")
def _channel(place, value, chroma):
    """One channel of a colour; `place` is the hue in sextants plus 5 for red, 3 for green, 1 for blue."""
    place -= _SIX * np.float32(np.int32(place * np.float32(1 / 6)))
    return value - chroma * max(_ZERO, min(min(place, np.float32(4) - place), _ONE))


@njit(cache=True, nogil=True, inline="always")
def _clip(value):
    return min(max(value, _ZERO), _ONE)


@njit(cache=True, nogil=True)
def _mix_rows(upper, lower, share, mixed):
    for x in range(len(mixed)):
        a = np.float32(upper[x])
        mixed[x] = a + (np.float32(lower[x]) - a) * share


@njit(cache=True, nogil=True)
def _pick(red, green, blue, left, share, drawn_red, drawn_green, drawn_blue):
    for x in range(len(left)):
        i, j = left[x], left[x] + np.uint32(1)
        drawn_red[x] = red[i] + (red[j] - red[i]) * share[x]
        drawn_green[x] = green[i] + (green[j] - green[i]) * share[x]
        drawn_blue[x] = blue[i] + (blue[j] - blue[i]) * share[x]


@njit(cache=True, nogil=True)
def _lay_over(plane, above, alpha):
    for x in range(len(plane)):
        mixed = np.uint32(alpha[x]) * above[x] + np.uint32(255 - alpha[x]) * plane[x] + np.uint32(127)
        plane[x] = np.uint8((mixed * np.uint32(257) + np.uint32(257)) >> 16)  # mixed // 255, exactly


@njit(cache=True, nogil=True)
def _blend(plane, behind, alpha):
    for x in range(len(plane)):
        value = behind[x] + (np.float32(plane[x]) - behind[x]) * (np.float32(alpha[x]) * _FROM_BYTE)
        plane[x] = np.uint8(np.int32(value + _HALF))
