"""People over time: who is who, what is noise, and files for other programs.

`tracker` gives people the same id in every frame, `smoother` fills short gaps, steadies people's `distance` from
the camera and filters joints (`one_euro`), with a bounded view ahead, so that a video may be of any length; `bvh` and
`c3d` write a person's motion.
"""
