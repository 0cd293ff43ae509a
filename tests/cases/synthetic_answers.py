"""Made-up judged studies: responses, identifications and verdicts in their layouts, as those of `alpaca`."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from polytune.config.paths import Paths
from polytune.prompts.prompt import Prompt, write_prompts
from polytune.scores.answers import parquet_of
from tests.cases.synthetic_study import MadeStudy, collect_study, make_run, write_json, write_mixture

LANGUAGES = ("en", "es", "bg", "bn")
TUNED = ("en", "es", "bg")
SIZES = {"world-bloom-s": 100_000, "world-bloom-m": 400_000, "world-bloom-l": 1_600_000}
RATINGS = {"judge": "exact", "protocol": "rating-3"}
CATEGORIES = ("coding", "maths", "roleplay", "writing")
NULLS = ("empty", "constant", "copied-prompt", "other-language")


def answer_rows(languages: Iterable[str], items: int, turns: int = 1) -> pd.DataFrame:
    """The answers that are asked for: `language item turn`, a row each."""
    index = pd.MultiIndex.from_product([list(languages), range(items), range(1, turns + 1)])
    rows = index.to_frame(index=False, name=["language", "item", "turn"])
    return rows.astype({"item": "int32", "turn": "int8"})


def write_responses(folder: Path, run: str, rows: pd.DataFrame, tokens: Any = 10, name: str = "questions") -> None:
    """Write responses: of each row as many one-letter words as it has tokens."""
    counts = np.broadcast_to(tokens, len(rows)).astype("int32")
    texts = ["a " * int(count) for count in counts]
    table = rows.assign(text=texts, tokens=counts, prompt_tokens=np.int32(5), stop="end")
    _write(parquet_of(Paths(str(folder)).responses(run, name)), table)


def write_identified(
    folder: Path, run: str, rows: pd.DataFrame, answered: Iterable[str], name: str = "questions", identifier="exact"
) -> None:
    """Write identifications: an answer passes where `answered` is its language; `""` is undecided."""
    answered = list(answered)
    passes = [np.nan if code == "" else float(code == asked)
              for code, asked in zip(answered, rows["language"], strict=True)]  # fmt: skip
    columns = dict.fromkeys(("language_pass", "line_pass", "word_pass"), passes)
    table = rows.assign(answered=answered, probability=1.0, **columns, note="")
    _write(parquet_of(Paths(str(folder)).identified(run, identifier, name)), table)


def verdict_rows(rows: pd.DataFrame, value: Any, order: str = "", repeat: int = 0) -> pd.DataFrame:
    """Verdicts of one value for each row; NaN is a refusal."""
    values = np.broadcast_to(np.asarray(value, float), len(rows))
    status = np.where(np.isnan(values), "refused", "ok")
    return rows.assign(order=order, repeat=np.int8(repeat), status=status, reason="", value=values, text="",
                       attempts=1, prompt_tokens=100, completion_tokens=10, price=0.001, key="")  # fmt: skip


def write_verdicts(
    folder: Path, run: str, verdicts: Iterable[pd.DataFrame], opponent: str = "", protocol: str = "rating-3",
    name: str = "questions", judge: str = "exact",
) -> Path:  # fmt: skip
    """Write a file of verdicts on a run, or on a run and an opponent (in the order of their paths)."""
    path = parquet_of(Paths(str(folder)).verdicts(run, judge, protocol, name, opponent))
    table = pd.concat(verdicts, ignore_index=True)
    own = [f"{path}: {number}" for number in range(len(table))]  # requests of their own unless said otherwise
    _write(path, table.assign(key=table["key"].mask(table["key"] == "", own)))
    return path


def answers_spec(languages: Iterable[str], judged: list[dict[str, Any]], **changes: Any) -> dict[str, Any]:
    """An entry of `answers` in the spec of scores."""
    return {"name": "questions", "prompts": "world-questions", "origin": "world", "parallel": True,
            "languages": list(languages), "identifier": "exact", "judged": judged} | changes  # fmt: skip


def write_categories(folder: Path, languages: Iterable[str], categories: Iterable[str], name: str = "asked-w1") -> dict:
    """Write prompts of these categories, one after the other; return what the spec of scores says of them."""
    prompts = [Prompt(item, str(item), category, ("a", "b"), ()) for item, category in enumerate(categories)]
    for language in languages:
        path = Path(Paths(str(folder)).prompts(name, language))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_prompts(prompts, path)
    return {"files": {"w1": name}}


def write_spec(folder: Path, runs: list[dict[str, Any]], answers: list[dict[str, Any]], **changes: Any) -> Path:
    """Write the spec of scores, and the mixtures of the runs."""
    for run in runs:
        if run["languages"]:
            write_mixture(folder, run["mixture"], run["languages"])
    spec = {"study": "alpaca", "scale": "world", "runs": runs, "evaluations": [], "answers": answers} | changes
    return write_json(folder / "spec.json", spec)


def alpaca_runs() -> list[dict[str, Any]]:
    """Runs as in `alpaca`: three sizes, untuned, monolingual, multilingual, downsampled and English-only."""
    runs = []
    for base, parameters in SIZES.items():
        same = {"base": base, "parameters": parameters}
        runs.append(make_run([], **same))
        for code in TUNED:
            runs.append(make_run([code], f"world-{code}-all", family="monolingual", **same))
        runs.append(make_run(["en"], "world-en-all", family="english", **same))
        runs.append(make_run(list(TUNED), "world-multilingual", family="multilingual", **same))
        runs.append(make_run(list(TUNED), "world-downsampled", family="downsampled", **same))
    null = {"base": "null-alpaca", "mixture": "none", "seed": 0, "world": "w1", "languages": [], "seen_languages": []}
    for kind in NULLS:
        runs.append({"run": f"null-alpaca-w1/null/{kind}/seed0", "method": "null", **null, "mixture": kind})
    return runs


def write_alpaca(folder: Path, items: int = 50, seed: int = 1) -> Path:
    """Write a study of ratings; return its spec.

    Larger bases are better and multilingual tuning a little; English-tuned models answer other languages in English.
    """
    generator = np.random.default_rng(seed)
    rows = answer_rows(LANGUAGES, items)
    easy = generator.normal(0, 0.6, items)[rows["item"]]
    runs = alpaca_runs()
    for run in {run["run"]: run for run in runs}.values():
        tuned = rows["language"].isin(run["languages"]).to_numpy()
        known = {"en": 0.4, "es": 0.2, "bg": -0.2, "bn": -0.4}
        size = np.log10(run.get("parameters", 100_000) / 100_000)
        quality = rows["language"].map(known) + 0.5 * size + 0.7 * tuned + 0.15 * (len(run["languages"]) > 1)
        quality = np.full(len(rows), -2.0) if run["method"] == "null" else quality
        passing = np.where(tuned, 0.97, 0.9 if run["method"] == "base" else 0.25 + 0.2 * (len(run["languages"]) > 1))
        passing = np.where(rows["language"] == "en", 0.98, passing) if run["method"] != "null" else np.zeros(len(rows))
        answered = np.where(generator.random(len(rows)) < passing, rows["language"], "en")
        answered = np.where((answered == "en") & (rows["language"] == "en") & (passing == 0), "es", answered)
        noise = generator.normal(0, 0.6, (2, len(rows)))
        first, second = (np.clip(np.round(2 + 0.6 * (quality + easy + one)), 1, 3) for one in noise)
        again = rows["item"] % 20 == 7
        write_responses(folder, run["run"], rows, np.maximum(1, 12 + 4 * quality + generator.normal(0, 3, len(rows))))
        write_identified(folder, run["run"], rows, answered)
        verdicts = [verdict_rows(rows, first), verdict_rows(rows[again], second[again], repeat=1)]
        write_verdicts(folder, run["run"], verdicts)
    asked = write_categories(folder, LANGUAGES, [CATEGORIES[item % len(CATEGORIES)] for item in range(items)])
    return write_spec(folder, runs, [answers_spec(LANGUAGES, [RATINGS], **asked)])


def alpaca_study(folder: Path, **options: Any) -> MadeStudy:
    """Return a made-up judged study, collected."""
    return collect_study(folder, write_alpaca(folder, **options))


def _write(path: Path, table: pd.DataFrame) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    table.to_parquet(path, index=False)
