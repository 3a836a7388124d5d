"""Reveal: a protected file's sealed item is opened, and what a user may see of it goes out.

revealer.py   the order of the steps: manifest first, key last
opening.py    CMS with the site's recipient key, and the original that lies in it
classes.py    which class an attribute is of
view.py       the attributes of some classes, as a data set
"""
