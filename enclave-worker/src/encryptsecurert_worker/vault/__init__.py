"""What the worker keeps: its own keys, the site's secrets, and sealed records on disk.

Nothing here speaks HTTP or knows a task. Whatever reaches the disk is sealed first.
"""
