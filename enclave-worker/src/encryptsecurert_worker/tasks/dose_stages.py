"""Shares out a job's progress over its stages, by how long each takes.

The libraries call their stages what they like; a job's events have fixed words (section 12 of
docs/protocol.md). So a stage of a job is named here, and what a library calls it is not passed on.
"""

from collections.abc import Callable, Mapping

from encryptsecurert_rt.progress import Progress

Report = Callable[[str, float], None]


class Stages:
    """The stages of one job in their order.

    Parameters
    ----------
    report : called with (stage, fraction of the job); raises to stop.
    weights : how long each stage takes, in any unit.
    start, end : fractions of the job between which all stages lie.
    """

    def __init__(
        self, report: Report, weights: Mapping[str, float], *, start: float, end: float
    ) -> None:
        self._report = report
        total = sum(weights.values())
        self._shares: dict[str, tuple[float, float]] = {}
        at = start
        for stage, weight in weights.items():
            span = (end - start) * weight / total
            self._shares[stage] = (at, span)
            at += span

    def of(self, name: str, part: int = 0, parts: int = 1) -> Progress:
        """Return the progress function of a stage, or of one of its equal parts."""
        start, span = self._shares[name]

        def progress(stage: str, fraction: float) -> None:
            done = (part + min(max(fraction, 0.0), 1.0)) / parts
            self._report(name, start + span * done)

        return progress
