"""People over time: who is who, what is noise, and files for other programs.

`tracker` gives people the same id in every frame, `smoother` fills short gaps and filters (`one_euro`), both
with a bounded view ahead, so that a video may be of any length; `bvh` and `c3d` write a person's motion.
"""
