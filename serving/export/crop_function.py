"""The crop model as one function in float32, for converters."""

import tensorflow as tf

from training.model import PoseEstimator


class CropFunction(tf.Module):
    """`predict(images [B, S, S, 3] RGB in 0..1, intrinsics [B, 3, 3] px) -> {"joints": [B, J, 3] mm}`, all float32.

    It holds no more than the variables that the function reads: with others, the LiteRT converter leaves all of them
    out of its file.
    """

    def __init__(self, model: PoseEstimator):
        super().__init__()
        side = model.model_config.crop_side

        def predict(images, intrinsics):
            return {"joints": model.predict_joints(images, intrinsics)}

        self.signature = [
            tf.TensorSpec([None, side, side, 3], tf.float32, "images"),
            tf.TensorSpec([None, 3, 3], tf.float32, "intrinsics"),
        ]
        self.predict = tf.function(predict, input_signature=self.signature, autograph=False)
        self.read_variables = list(self.predict.get_concrete_function().graph.variables)
