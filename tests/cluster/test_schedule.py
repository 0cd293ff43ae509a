"""Snakemake's scheduler looks once per timespan, however many jobs have ended."""

import threading
import time

from snakemake.scheduling.job_scheduler import JobScheduler

from polytune.cluster.schedule import look_once


class Scheduler:
    """The two things of Snakemake's scheduler that matter here: a count of looks that are due, and its timers."""

    _schedule_reevalutation = JobScheduler._schedule_reevalutation

    def __init__(self):
        self._open_jobs = threading.Semaphore(0)

    def looks(self, jobs: int, delay: float, spans: int) -> int:
        """Return how often it looks while `jobs` end at once and in `spans` timespans after that."""
        for _ in range(jobs):
            self._open_jobs.release()
        looks, end = 0, time.monotonic() + spans * delay
        while self._open_jobs.acquire(timeout=max(end - time.monotonic(), 0)):
            looks += 1
            if time.monotonic() < end:
                self._schedule_reevalutation(delay)
        return looks


def test_many_ended_jobs_make_one_timer():
    plain, ours = Scheduler(), Scheduler()
    look_once(ours)
    assert plain.looks(jobs=30, delay=0.3, spans=4) > 2 * 30  # the fault that is kept away
    assert 30 + 1 <= ours.looks(jobs=30, delay=0.3, spans=4) <= 30 + 4


def test_a_scheduler_without_the_fault_stays_as_it_is():
    class Mended:
        pass

    look_once(Mended())
    assert not hasattr(Mended(), "_schedule_reevalutation")
