"""Values that the multi-person model refuses, by argument, for one image."""

import numpy as np

NAN = np.float32(np.nan)
OF_ESTIMATES = {
    "num_aug": [0, -1],
    "antialias_factor": [0, -3],
    "internal_batch_size": [-1],
    "default_fov_degrees": [1.0, 170.0, -5.0, NAN],
    "skeleton": ["h36m_71"],
    "distortion_coeffs": [*(np.zeros(count, np.float32) for count in (0, 4, 13)), np.full(5, NAN)],
    "world_up_vector": [np.zeros(3, np.float32), np.float32([0, np.inf, 0])],
    "intrinsic_matrix": [
        np.zeros((3, 3), np.float32),
        np.diag(np.float32([700, -700, 1])),
        np.full((3, 3), NAN),
        2 * np.eye(3, dtype=np.float32),
    ],
    "extrinsic_matrix": [np.zeros((4, 4), np.float32), np.full((4, 4), NAN)],
}
OF_DETECTIONS = {
    "max_detections": [-2],
    "detector_threshold": [NAN],
    "detector_nms_iou_threshold": [-0.1, 1.1, NAN],
}
