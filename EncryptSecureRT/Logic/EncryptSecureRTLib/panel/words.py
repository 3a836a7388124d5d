"""The translation of what the panel says; where there is no Slicer around us, the text as it is."""

__all__ = ["_"]

try:
    from slicer.i18n import tr as _
except ImportError:  # tests of what needs no scene

    def _(text: str) -> str:
        """Return the text."""
        return text
