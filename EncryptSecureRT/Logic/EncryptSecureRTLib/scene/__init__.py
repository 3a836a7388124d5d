"""MRML nodes to arrays and back, and a scene that identifies nobody.

    mrml            the one door to the packages `slicer` and `vtk`; batches of changes
    geometry        RAS <-> LPS, the only place; grids of volume nodes

    volumes         what a volume node is, and whether it can be sent
    voxels          a volume node written as the object that goes to the worker
    segmentations   structures loaded onto their CT, whole or not at all
    structures      harmless names of structures, and codes for those that we make
    landmarks       fiducials as points, and back

    hierarchy       where a node stands: its study, its patient, beside its CT
    neutral         names that tell nothing, and which names those are
    names           clear names, in memory only and for a while
    study           does the study of a volume identify someone?
    seal            make it identify no one; with the help of
                    belongings (which nodes), scrub and segments (one node), attributes (values
                    and UIDs), labels (new names) and texts (is a word still there?)

`slicer` and `vtk` may be imported, `qt` and the panel not. Arrays are (k, j, i); outside of the
scene, points and grids are LPS in mm. What is in the scene gets saved, and nothing can clean it at
that moment: so no node carries a clear name, date or UID that we put there, at any time.
"""
