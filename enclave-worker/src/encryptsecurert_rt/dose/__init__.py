"""Dose grids and what is compared between them; gamma has a package of its own below."""
