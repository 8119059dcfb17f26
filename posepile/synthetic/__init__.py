"""The pile that needs no download: a free body model, real motion capture, many skeletons, rendered images.

`body` shapes and poses people, `formats` reads the joints of each skeleton format off a posed body, `motion`
and `retarget` move it, `render`, `look` and `scene` draw it, `pile` writes the stores. `presets` is the
small pile of nine data sets, `twins` the complete one of the paper, `catalogue` finds both by name.
"""
