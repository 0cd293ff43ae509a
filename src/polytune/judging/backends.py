"""The judges behind one interface: a server, a model in this process, the truth of a world, a reference answer."""

from __future__ import annotations

from pathlib import Path

from polytune.config.judges import Judge
from polytune.judging.replies import Backend


def open_backend(judge: Judge, world: Path | None, model: Path | None) -> Backend:
    """Return the judge of an entry; `world` is a world's folder, `model` a model directory, for those that need it."""
    if judge.backend == "server":
        from polytune.judging.server import ServerJudge

        return ServerJudge(judge)
    if judge.backend == "transformers":
        from polytune.judging.local import LocalJudge

        return LocalJudge(judge, model)
    if judge.backend == "reference":
        from polytune.judging.reference import ReferenceJudge

        return ReferenceJudge(judge)
    from polytune.judging.exact import ExactJudge

    return ExactJudge.open(judge, world)
