"""The order in which jobs run: users take turns, and each user's jobs run as they came.

Next is the user who was started least recently; who was never started comes first, and among
those whoever waits longest. So nobody waits for more than one job of each other user.
"""

import heapq
from collections.abc import Iterable

from encryptsecurert_worker.jobs.job import Job


class FairQueue:
    """Jobs that wait. Not safe for several threads: the book's lock guards it."""

    def __init__(self) -> None:
        self._waiting: dict[str, dict[int, Job]] = {}
        self._turns: dict[str, int] = {}
        self._turn = 0
        self._before = 0
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def waiting_of(self, user: str) -> int:
        """Return how many jobs of a user wait."""
        return len(self._waiting.get(user, ()))

    def add(self, job: Job) -> None:
        """Take a job in; one that was here before stands where it stood."""
        jobs = self._waiting.setdefault(job.header.user, {})
        jobs[job.record.seq] = job
        self._size += 1
        if next(reversed(jobs)) != max(jobs):
            self._waiting[job.header.user] = dict(sorted(jobs.items()))

    def discard(self, job: Job) -> None:
        """Let a job out, if it is here."""
        jobs = self._waiting.get(job.header.user, {})
        if jobs.pop(job.record.seq, None) is not None:
            self._size -= 1
            if not jobs:
                del self._waiting[job.header.user]

    def take(self) -> Job:
        """Let out the job whose turn it is."""
        job = next(iter(self.order()))
        user = job.header.user
        self._before = self._turns.get(user, 0)
        self._turn += 1
        self._turns[user] = self._turn
        self.discard(job)
        return job

    def put_back(self, job: Job) -> None:
        """Take back the job that was taken last: its user keeps the turn."""
        self._turns[job.header.user] = self._before
        self.add(job)

    def order(self) -> Iterable[Job]:
        """Yield the jobs in the order in which they would run now."""
        lines = {user: iter(jobs.values()) for user, jobs in self._waiting.items()}
        turn = self._turn
        heap = [
            (self._turns.get(user, 0), next(iter(jobs)), user)
            for user, jobs in self._waiting.items()
        ]
        heapq.heapify(heap)
        left = {user: len(jobs) for user, jobs in self._waiting.items()}
        while heap:
            _, seq, user = heapq.heappop(heap)
            yield next(lines[user])
            left[user] -= 1
            if left[user]:
                turn += 1
                heapq.heappush(heap, (turn, seq, user))
