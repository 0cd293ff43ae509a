"""Files of items that lm-evaluation-harness writes beside its results (`--log_samples`): `samples_TASK_DATE.jsonl`.

An item of a multiple-choice task becomes a row of the layout that our own evaluations have (docs/evaluation.md), so
that every measure that follows from the log-likelihoods of its choices is there for imported results too.
"""

from __future__ import annotations

import math
import re
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from polytune.errors import InputError, shown
from polytune.files import sha256_file
from polytune.imports.printed import Printed, ResultFile
from polytune.readers.records import read_records

if TYPE_CHECKING:
    import pyarrow as pa

DATED = re.compile(r"^samples_(?P<task>.+?)_\d{4}-\d\d-\d\dT[\d.:-]+$")
UNDATED = re.compile(r"^samples_(?P<task>.+)$")
NEEDED = ("doc_id", "arguments", "filtered_resps", "acc")
LARGEST = 2**31


@dataclass(frozen=True)
class Samples(ResultFile):
    """The items of one task, and its accuracy as the one printed number."""

    items: tuple[dict[str, Any], ...] = ()
    """doc_id, loglikelihoods, target, prediction, acc, choice_bytes."""


OfItems = tuple[str, str, str]
"""What items are of: run, evaluation, language."""


def read_samples(path: Path) -> Samples | None:
    """Return the items of a file, None if they are not of a multiple-choice task with the metric `acc`.

    Raises `InputError` naming file and row for a broken or cut file, an item that stands there twice or one that cannot
    be, and for items whose `acc` is not what their log-likelihoods say.
    """
    stem = path.name.removesuffix(".gz").removesuffix(".jsonl")
    name = DATED.match(stem) or UNDATED.match(stem)
    if not name:
        return None
    items: dict[Any, dict[str, Any]] = {}
    unlike: list[str] = []
    for number, record in read_records(path):
        if any(key not in record for key in NEEDED) or not _is_choice(record):
            return None
        item = _read_item(record, f"{path}: row {number}")
        if words := _contradiction(item):
            unlike.append(f"row {number}: item {item['doc_id']}: {words}")
        if items.setdefault(item["doc_id"], item) is not item:
            raise InputError(f"{path}: row {number}: item {item['doc_id']} stands there twice")
    if not items:
        raise InputError(f"{path}: no items; is the file cut?")
    if unlike:
        raise InputError(
            f"{path}: {unlike[0]} (so with {len(unlike)} of {len(items)} items): the file was edited, or the harness "
            "did not write it; evaluate again"
        )
    right = sum(item["acc"] for item in items.values()) / len(items)
    stderr = math.sqrt(right * (1 - right) / (len(items) - 1)) if len(items) > 1 else math.nan
    printed = Printed(name["task"], "acc", right, 1, stderr, items=len(items), from_samples=True)
    return Samples(path, sha256_file(path), (printed,), items=tuple(items.values()))


def _is_choice(record: dict[str, Any]) -> bool:
    """Return whether an item has log-likelihoods of at least two choices: pairs, or numbers of newer versions."""
    responses = record["filtered_resps"]
    return isinstance(responses, list) and len(responses) > 1 and all(_is_scored(one) for one in responses)


def _is_scored(response: Any) -> bool:
    return isinstance(response, list) and len(response) == 2 and str(response[1]) in ("True", "False")


def _read_item(record: dict[str, Any], place: str) -> dict[str, Any]:
    try:
        values = [float(response[0]) for response in record["filtered_resps"]]
    except (ValueError, TypeError, OverflowError):
        raise InputError(f"{place}: filtered_resps is {shown(record['filtered_resps'])}, expected numbers") from None
    if not all(map(math.isfinite, values)):
        raise InputError(f"{place}: a log-likelihood is not finite")
    texts = _continuations(record["arguments"], place)
    if len(texts) != len(values):
        raise InputError(f"{place}: {len(values)} responses to {len(texts)} arguments")
    if record["acc"] not in (0, 1):
        raise InputError(f"{place}: acc is {shown(record['acc'])}; a multiple choice is right or wrong")
    if type(record["doc_id"]) is not int or not 0 <= record["doc_id"] < LARGEST:
        raise InputError(f"{place}: doc_id is {shown(record['doc_id'])}, expected a whole number")
    choices = len(values) // 2 if "acc_mutual_info" in record else len(values)  # then each choice alone follows
    values, texts = values[:choices], texts[:choices]
    best = max(range(choices), key=values.__getitem__)
    return {
        "doc_id": record["doc_id"],
        "loglikelihoods": values,
        "target": _target(record, texts, best, place),
        "prediction": best,
        "acc": int(record["acc"]),
        "choice_bytes": [len(text.encode()) for text in texts],
    }


def _contradiction(item: dict[str, Any]) -> str:
    """Return in which way an item's `acc` is not what its log-likelihoods say, empty if it is.

    `acc` is of the log-likelihoods as they are; only `acc_norm` divides them by lengths. Ties may go either way.
    """
    values, target = item["loglikelihoods"], item["target"]
    others = max(value for choice, value in enumerate(values) if choice != target)
    if values[target] > others and not item["acc"]:
        return f"acc is 0, but choice {target + 1}, the target, has the highest log-likelihood"
    if values[target] < others and item["acc"]:
        return f"acc is 1, but choice {target + 1}, the target, does not have the highest log-likelihood"
    return ""


def _continuations(arguments: Any, place: str) -> list[str]:
    """Return the text whose likelihood was asked for, of each choice: a list of pairs, or numbered mappings."""
    pairs = arguments
    if isinstance(arguments, dict):  # since 0.4.3: {"gen_args_0": {"arg_0": context, "arg_1": continuation}, ...}
        pairs = [[one.get("arg_0"), one.get("arg_1")] for one in arguments.values() if isinstance(one, dict)]
    if not isinstance(pairs, list) or not all(isinstance(pair, list) and len(pair) >= 2 for pair in pairs):
        raise InputError(f"{place}: arguments is {shown(arguments)}, expected pairs of context and continuation")
    return [str(pair[1]) for pair in pairs]


def _target(record: dict[str, Any], texts: list[str], best: int, place: str) -> int:
    """Return which choice is right: an index, the choice's text, or, where `acc` says so, the best one.

    A number can be the index or the text of another choice (` 1`, ` 2`): it is the one that `acc` agrees with. Where
    all choices go before one text (XWinograd), that text is the target and says nothing.
    """
    target = record.get("target")
    stripped = [text.strip() for text in texts]
    found = []
    if len(set(stripped)) > 1:
        if isinstance(target, int | str) and str(target).strip().isdecimal() and int(target) < len(texts):
            found.append(int(target))
        if isinstance(target, str) and stripped.count(target.strip()) == 1:
            found.append(stripped.index(target.strip()))
    if found:
        return next((choice for choice in found if (choice == best) == (record["acc"] == 1)), found[0])
    if record["acc"] == 1:
        return best
    if len(texts) == 2:
        return 1 - best
    raise InputError(f"{place}: target is {shown(target)}, none of the {len(texts)} choices")


def partial_items(items: dict[OfItems, Samples], languages: Mapping[OfItems, Collection]) -> Iterator[str]:
    """Yield evaluations with items of some of their languages only, and take these items out of `items`.

    `languages` are the imported languages by run, evaluation and measure.
    """
    of_evaluation: dict[tuple[str, str], list[OfItems]] = defaultdict(list)
    for key in items:
        of_evaluation[key[:2]].append(key)
    for (run, name), keys in of_evaluation.items():
        needed = len(languages[run, name, "acc"])
        if len(keys) < needed:
            path = items[keys[0]].path
            yield f"{path}: the run '{run}' has items of {len(keys)} of the {needed} languages of {name}"
            for key in keys:
                del items[key]


def build_samples(items: Mapping[OfItems, Samples]) -> pa.Table:
    """Return the items of all runs: `run evaluation` and the columns of our own samples (docs/architecture.md)."""
    import pyarrow as pa

    words = pa.dictionary(pa.int32(), pa.string())
    numbers = {"doc_id": pa.int32(), "loglikelihoods": pa.list_(pa.float64()), "target": pa.int8()}
    numbers |= {"prediction": pa.int8(), "acc": pa.int8(), "choice_bytes": pa.list_(pa.int32())}
    schema = pa.schema({**dict.fromkeys(("run", "evaluation", "task", "language"), words), **numbers})
    parts = [schema.empty_table()]
    for (run, name, language), samples in items.items():
        same = {"run": run, "evaluation": name, "task": samples.printed[0].task, "language": language}
        parts.append(pa.Table.from_pylist([{**same, **item} for item in samples.items], schema))
    return pa.concat_tables(parts).unify_dictionaries()
