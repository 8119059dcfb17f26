"""Frames in, PoseExamples out: what all data sets share when their raw files become crops.

sampling (which frames), matching (which detection is whom), crop, resample and colour (the pixels), filters (which
examples are plausible).
"""
