"""Answers to what the panel asks in windows of its own; a test says them beforehand."""

from pathlib import Path


class Answers:
    """Answers each question and keeps it.

    Attributes
    ----------
    yes : the answer to every confirmation.
    place : folder for whatever is saved.
    asked : titles of the questions, in their order.
    texts : what was said in confirmations.
    """

    def __init__(self, place: Path) -> None:
        self.yes = True
        self.place = place
        self.asked: list[str] = []
        self.texts: list[str] = []

    def confirm(self, title: str, text: str, yes: str) -> bool:
        """Answer as `yes` says."""
        self.asked.append(title)
        self.texts.append(text)
        return self.yes

    def save_path(self, title: str, folder: str, name: str, kinds: str) -> str:
        """Answer with a file of that name in `place`."""
        self.asked.append(title)
        return str(self.place / name)

    def folder(self, title: str, folder: str) -> str:
        """Answer with `place`."""
        self.asked.append(title)
        return str(self.place)
