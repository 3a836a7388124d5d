"""Where the data pack lies: openly licensed files of others, beside the checkout and not in it."""

from pathlib import Path

DATA = Path(__file__).resolve().parents[3] / "shared" / "data"
