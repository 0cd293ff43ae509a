"""Snakemake's scheduler, kept from looking again and again at jobs that it cannot start."""

from __future__ import annotations

from threading import Timer


def look_once(scheduler) -> None:
    """Let `scheduler` (Snakemake's) have one timer at a time for its next look at the ready jobs.

    Snakemake 9.27 starts a further timer at every look, and looks whenever a job ends or a timer is up: after a
    thousand jobs it looks a thousand times in every span of `max-jobs-per-timespan`, each time at all ready jobs and
    with a solver (its pull request 3744). That is a core of the machine, or of a login node.
    """
    state: dict[str, Timer] = {}

    def look_later(delay: float) -> None:
        if "timer" not in state:
            state["timer"] = timer = Timer(delay, look)
            timer.daemon = True  # a finished workflow need not wait for it
            timer.start()

    def look() -> None:
        del state["timer"]
        scheduler._open_jobs.release()

    if hasattr(scheduler, "_schedule_reevalutation"):  # sic; another version may have mended it
        scheduler._schedule_reevalutation = look_later
