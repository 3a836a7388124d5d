"""MRML nodes to arrays and back; empty as yet.

What belongs here: loading results into the scene and taking volumes out of it, and the one place
where RAS meets LPS (`geometry.py`). `slicer` and `vtk` may be imported, `qt` and the panel not.
No node carries a clear name, date or UID: what is in the scene gets saved.
"""
