"""Readers of motion capture files; each gives a `Recording`, whatever the file's rig, axes and units.

`bvh` and `asf` (Acclaim, with .amc) read folders of the user's, `deepmimic` the clips of the `pybullet`
package; `rigs` knows which joint of a rig is which bone of the body.
"""
