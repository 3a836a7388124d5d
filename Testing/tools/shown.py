"""What tests show at the end of a run: figures that are more than pass or fail.

A test says `record_property(SHOWN, text)`. The texts stand in the summary, also where tests ran in
several processes.
"""

from collections.abc import Callable

SHOWN = "shown"
Show = Callable[[str, object], None]
"""Pytest's fixture `record_property`."""
