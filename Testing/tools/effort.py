"""How often tests repeat what is drawn by chance: so that CI ends in time, or as often as claimed.

`FULL=1 make test` takes the numbers that the documents name.
"""

import os

FULL = os.environ.get("FULL") == "1"


def times(in_full: int, usually: int) -> int:
    """Return how often to repeat."""
    return in_full if FULL else usually
