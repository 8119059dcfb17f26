"""The mean-relative loss of every data set of the mixture, for the logs."""

from collections.abc import Sequence

import keras
import numpy as np
from keras import ops

from training.losses import MM_PER_M, relative_errors


class LossByStore(keras.metrics.Metric):
    """Means over all valid coordinates since the last reset, one for each store: sums and counts are kept.

    Args:
        store_ids: names of stores 0, 1, ….
    """

    def __init__(self, store_ids: Sequence[str]):
        super().__init__(name="relative_by_store")
        self.store_ids = tuple(store_ids)
        shape = (len(self.store_ids),)
        self.sums = self.add_variable(shape, "zeros", name="sums")
        self.counts = self.add_variable(shape, "zeros", name="counts")

    def update_state(self, predicted, labelled, valid, store):
        """predicted, labelled [B, J, 3] mm, valid [B, J] bool, store [B] int: the number of each example's store."""
        used = ops.cast(valid, "float32")
        errors = ops.sum(
            ops.where(valid, ops.sum(relative_errors(predicted, labelled, valid), axis=-1), 0.0), axis=1
        )
        counts = 3.0 * ops.sum(used, axis=1)
        n, store = len(self.store_ids), ops.cast(store, "int32")
        self.sums.assign_add(ops.segment_sum(errors, store, num_segments=n))
        self.counts.assign_add(ops.segment_sum(counts, store, num_segments=n))

    def result(self):
        """Nothing: dozens of figures a step would cost transfers from the device; see `values`."""
        return {}

    def values(self) -> dict[str, float]:
        """{"relative_<id>": metres}; 0 for a store of which nothing was valid."""
        sums, counts = (ops.convert_to_numpy(v) for v in (self.sums, self.counts))
        means = sums / np.maximum(counts, 1.0) / MM_PER_M
        return {f"relative_{id}": float(mean) for id, mean in zip(self.store_ids, means, strict=True)}
