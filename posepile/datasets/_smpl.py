"""What readers of SMPL's joints share: the order of the joints in the piles."""

SMPL = [*range(1, 24), 0]
"""Indices into SMPL's 24 joints: the pelvis comes last."""

SMPLX = [*range(25), 28, 43, *range(55, 67), 68, 71, 73]
"""Indices into the 127 keypoints of SMPL-X: body, jaw, eyeballs, middle knuckles, face, feet, four finger tips."""
