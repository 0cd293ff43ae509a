"""The text of answers and verdicts, side by side: a parallel sample of the questions that fits into the page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.config.paths import Paths
from polytune.explorer.columns import named, numbers, pack
from polytune.explorer.tables import REAL, WORLD, StudyTables
from polytune.files import sha256_text
from polytune.readers.parquet import read_table

if TYPE_CHECKING:
    import pandas as pd

ANSWER, VERDICT = 1000, 500
"""Characters of an answer or a question, and of what a judge said, that are shown."""
ANSWERS = ("language", "item", "turn", "text")
VERDICTS = ("language", "item", "turn", "order", "repeat", "status", "value", "text")
SIDE = "against"


def build_texts(
    studies: Sequence[StudyTables], runs: Sequence[dict[str, Any]], paths: Paths, room: int
) -> tuple[dict[str, Any], list[str]]:
    """Return questions, answers and verdicts that fit into `room` bytes of the page, and sentences on what is left out.

    Rule: questions are ordered by the SHA-256 of their names, and the first k are kept, the same in every language and
    of every run, with k as large as there is room for. Texts are cut to `ANSWER` and `VERDICT` signs.
    """
    import pandas as pd

    places: dict[str, int] = {}
    for place, run in enumerate(runs):
        places.setdefault(run["run"], place)
    answers = [_read_answers(run, place, runs[place]["scale"], paths) for run, place in places.items()]
    answers = [frame for frame in answers if len(frame)]
    if not answers:
        return {"sets": []}, ["answers and verdicts: no run has answered freely"]
    table = pd.concat(answers, ignore_index=True)
    verdicts = [_read_verdicts(run, place, places, paths) for run, place in places.items()]
    judged = pd.concat([frame for frame in verdicts if len(frame)] or [_nothing_judged()], ignore_index=True)
    questions = _read_questions(studies, runs, table, paths)
    frames = (table, judged, questions)
    ranked = sorted(table["item"].unique().tolist(), key=lambda item: sha256_text(item))
    count = _largest(len(ranked), lambda kept: len(pack(_build(_sample(frames, ranked[:kept])))) <= room)
    said = []
    if count < len(ranked):
        said.append(
            f"answers and verdicts: {count} of {len(ranked)} questions are kept, those whose names have the smallest "
            "SHA-256, the same in every language and of every run"
        )
    if cut := int((table["text"].str.len() > ANSWER).sum()):
        said.append(f"texts: {cut:,} answers are cut after {ANSWER:,} characters")
    return _build(_sample(frames, ranked[:count])), said


def _largest(most: int, fits: Any) -> int:
    """Return the largest k in [0, most] for which `fits(k)`, which holds for all smaller ones then, too."""
    if fits(most):
        return most
    low, high = 0, most  # low fits, high does not
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if fits(middle) else (low, middle)
    return low


def _sample(frames: Sequence[pd.DataFrame], items: Sequence[str]) -> list[pd.DataFrame]:
    return [frame[frame["item"].isin(items)] for frame in frames]


def _build(frames: Sequence[pd.DataFrame]) -> dict[str, Any]:
    answers, judged, questions = frames
    return {
        "answers": {
            "run": answers["run"].tolist(),
            **{name: named(answers[name].tolist()) for name in ("responses", "made", "language", "item")},
            "turn": answers["turn"].tolist(),
            "text": named(_cut(answers["text"], ANSWER)),
        },
        "verdicts": {
            **{name: judged[name].tolist() for name in ("run", "opponent", "turn")},
            **{name: named(judged[name].tolist()) for name in ("responses", "judge", "protocol", "language", "item")},
            **{name: named(judged[name].tolist()) for name in ("order", "status")},
            "value": numbers(judged["value"]),
            "text": named(_cut(judged["text"], VERDICT)),
        },
        "questions": {
            **{name: named(questions[name].tolist()) for name in ("responses", "made", "world", "language", "item")},
            "turn": questions["turn"].tolist(),
            "text": named(_cut(questions["text"], ANSWER)),
        },
    }


def _cut(texts: pd.Series, longest: int) -> list[str]:
    return [text if len(text) <= longest else text[:longest] + "…" for text in texts]


def _read_answers(run: str, place: int, scale: str, paths: Paths) -> pd.DataFrame:
    """Return every answer of a run, of all its responses."""
    import pandas as pd

    frames = []
    for path in sorted(Path(paths.run(run)).glob("responses/*.parquet")):
        frame = read_table(path, ANSWERS).to_pandas()
        made = WORLD if scale == WORLD else REAL
        frames.append(frame.assign(run=place, responses=path.stem, made=made, item=frame["item"].astype(str)))
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _read_verdicts(run: str, place: int, places: dict[str, int], paths: Paths) -> pd.DataFrame:
    """Return the verdicts that lie with a run: `opponent` is the place of the other run, -1 where one answer is rated.

    Verdicts of a repeat block, and those beside a run that is not shown (a null responder), are left out.
    """
    import pandas as pd

    frames = []
    folder = Path(paths.run(run)) / "verdicts"
    for path in sorted(folder.rglob("*.parquet")):
        judge, protocol, *rest = path.relative_to(folder).with_suffix("").parts
        opponent = -1
        if SIDE in rest:
            opponent = places.get("/".join(rest[rest.index(SIDE) + 1 :]))
            if opponent is None:
                continue
        frame = read_table(path, VERDICTS).to_pandas()
        frame = frame[frame["repeat"] == 0].drop(columns="repeat")
        frames.append(
            frame.assign(
                run=place,
                opponent=opponent,
                responses=rest[0],
                judge=judge,
                protocol=protocol,
                item=frame["item"].astype(str),
            )
        )
    return pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()


def _nothing_judged() -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(columns=["run", "opponent", "responses", "judge", "protocol", *VERDICTS])


def _read_questions(
    studies: Sequence[StudyTables], runs: Sequence[dict[str, Any]], answers: pd.DataFrame, paths: Paths
) -> pd.DataFrame:
    """Return the questions that were asked, from the prompt sets that the scores name; none where a set is gone."""
    import pandas as pd

    worlds = {(run["world"], run["scale"]) for run in runs}
    frames = []
    sets = {
        pair for tables in studies for pair in zip(tables.scores["evaluation"], tables.scores["benchmark"], strict=True)
    }
    for responses, prompts in sorted(sets):
        for world, scale in sorted(worlds):
            folder = Path(paths.prompts(f"{prompts}-{world}" if world else prompts, "en")).parent
            for path in sorted(folder.glob("*.parquet")):
                frame = read_table(path, ["item", "turns"]).to_pandas().explode("turns")
                turn = frame.groupby("item").cumcount() + 1
                made = WORLD if scale == WORLD else REAL
                frames.append(
                    pd.DataFrame(
                        {
                            "responses": responses,
                            "made": made,
                            "world": world,
                            "language": path.stem,
                            "item": frame["item"].astype(str),
                            "turn": turn.astype(int),
                            "text": frame["turns"].fillna("").astype(str),
                        }
                    )
                )
    columns = ["responses", "made", "world", "language", "item", "turn", "text"]
    table = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame(columns=columns)
    asked = answers[["responses", "language", "item"]].drop_duplicates()
    return table.merge(asked, on=["responses", "language", "item"]).drop_duplicates(columns[:-1])
