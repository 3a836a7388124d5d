"""MRML nodes to arrays and back, and a scene that identifies nobody.

    mrml            the one door to the packages `slicer` and `vtk`; batches of changes
    geometry        RAS <-> LPS, the only place; grids of volume nodes

    volumes         what a volume node is, and whether it can be sent
    private_files   files with what is sent, for their owner only
    voxels          a volume node written as the object that goes to the worker
    segmentations   structures loaded onto their CT, whole or not at all
    structures      harmless names of structures, and codes for those that we make
    landmarks       fiducials as points, and back

    doses           what a dose volume is, in which unit, and whether it can be compared
    dose_voxels     a dose written as the object that goes to the worker
    structure_masks segments written as numbers with contours or bits, without names
    dose_results    results of a comparison loaded beside the reference dose, whole or not at all;
                    of dose_maps (gamma, difference) in dose_colours, dose_tables and dose_plots
    dose_views      a map over a CT, a chart, a point brought to the views
    titles          what may be written on axes, scales and charts

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
