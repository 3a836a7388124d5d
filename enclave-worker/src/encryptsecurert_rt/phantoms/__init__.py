"""Phantoms: images made from closed forms, so that the right answer is known without voxels."""

from encryptsecurert_rt.phantoms.ct import CtPhantom, ct_phantom, default_phantom_grid

__all__ = ["CtPhantom", "ct_phantom", "default_phantom_grid"]
