"""Where things lie in a crop: the grid of features, the metric box, the field of view."""

from dataclasses import dataclass

from keras import ops

LABEL_MARGIN_PX = 640.0
"""Labels further than this outside the crop do not supervise projections."""
BORDER_STRIDES = 0.75


@dataclass(frozen=True)
class CropGrid:
    """The geometry that the heads, the reconstruction and the losses share.

    Pixel centres are at integers, so a crop of R pixels covers -0.5 .. R-0.5 and its centre is (R-1)/2, which
    is also the principal point of a crop. Feature k is centred on pixel `stride * k + first_centre`.

    With `first_centre = (stride-1)/2` the grid is symmetric, and mirroring the image mirrors the predictions
    exactly; a backbone whose strided kernels are odd cannot have that for an even side, and states its own.

    Args:
        crop_side: R, px.
        stride: distance of features, px.
        first_centre: pixel on which feature 0 is centred, in x and in y.
        box_size_mm: side of the metric cube of the 3D heat maps, which the crop's side spans.
        border_strides: width of the border of the crop that is not taken for the field of view, in strides.

    Source: training sheet, §4 and §5, moved by half a pixel to the convention above.
    """

    crop_side: int
    stride: int
    first_centre: float
    box_size_mm: float = 2200.0
    border_strides: float = BORDER_STRIDES

    @property
    def last(self) -> int:
        """Distance of the last feature from the first, px."""
        return (self.crop_side - 1) - (self.crop_side - 1) % self.stride

    @property
    def metres_per_px(self) -> float:
        """What one pixel is worth in the losses: the metric box spread over the crop."""
        return self.box_size_mm / (1000.0 * self.crop_side)

    def unit_to_pixels(self, unit):
        """[..., 2] positions on the grid, 0 (first feature) .. 1 (last feature) -> px of the crop."""
        return unit * float(self.last) + self.first_centre

    def unit_to_metric(self, unit):
        """[..., 3] positions (u, v, depth) in 0..1 -> mm in the box frame.

        Only relative positions mean something, but the ridge of the scale recovery prefers small
        translations. x and y are therefore counted from the box's middle (the sheet: from its corner), which
        keeps mirroring exact.
        """
        mm_per_px = self.box_size_mm / self.crop_side
        lateral = (self.unit_to_pixels(unit[..., :2]) - (self.crop_side - 1) / 2) * mm_per_px
        return ops.concatenate([lateral, unit[..., 2:] * self.box_size_mm], axis=-1)

    def inside_fov(self, pixels):
        """[..., 2] px -> [...] bool: at least the border away from the edge of the crop."""
        return self._inside(pixels, margin=-self.border_strides * self.stride)

    def inside_label_range(self, pixels):
        """[..., 2] px -> [...] bool: at most LABEL_MARGIN_PX outside the crop."""
        return self._inside(pixels, margin=LABEL_MARGIN_PX)

    def _inside(self, pixels, margin):
        low, high = -0.5 - margin, self.crop_side - 0.5 + margin
        return ops.all(ops.logical_and(pixels >= low, pixels <= high), axis=-1)
