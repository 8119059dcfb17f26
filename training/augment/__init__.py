"""Random changes of training crops: geometry, colour, occlusion."""
