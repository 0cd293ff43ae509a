"""Logs and result files as lm-evaluation-harness writes them, made up: published ones are nobody's to copy."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

ITEMS = {"xcopa": 500, "xstorycloze": 1511, "xnli": 2490, "paws": 2000}
WINOGRAD = {"en": 2325, "fr": 83, "jp": 959, "pt": 263, "ru": 315, "zh": 504}
GROUPS = {"paws": "pawsx"}
"""Groups that are not called like their tasks begin."""
Right = Mapping[str, Mapping[str, int]]
"""How many items were right, by what tasks begin with and the harness's code of the language."""


def items_of(prefix: str, code: str) -> int:
    """Return how many items a task has."""
    return WINOGRAD[code] if prefix == "xwinograd" else ITEMS[prefix]


def accuracy(right: int, items: int) -> tuple[float, float]:
    """Return accuracy and standard error as the harness works them out."""
    share = right / items
    return share, math.sqrt(share * (1 - share) / (items - 1))


def group_accuracy(prefix: str, right: Mapping[str, int]) -> float:
    """Return the score of a group: right items over all items."""
    return sum(right.values()) / sum(items_of(prefix, code) for code in right)


def table_04(right: Right, direction: bool = False, versions: Mapping[str, str] | None = None) -> str:
    """Return the tables of version 0.4: tasks in groups, then the groups again."""
    lines = []
    for prefix, by_code in right.items():
        group = GROUPS.get(prefix, prefix)
        lines.append((group, "N/A", "" if direction else "0", group_accuracy(prefix, by_code), 0.0265))
        for code, count in by_code.items():
            version = (versions or {}).get(prefix, "1")
            lines.append((f" - {prefix}_{code}", version, "0", *accuracy(count, items_of(prefix, code))))
    groups = [line for line in lines if not line[0].startswith(" ")]
    return "\n".join(_table_04(title, part, direction) for title, part in (("Tasks", lines), ("Groups", groups)))


def _table_04(title: str, lines: Sequence[tuple], direction: bool) -> str:
    width = max(len(line[0]) for line in lines)
    arrow = ("   |", "---|", "↑  |") if direction else ("", "", "")
    head = f"|{title.center(width)}|Version|Filter|n-shot|Metric|{arrow[0]}Value |   |Stderr|"
    ruler = f"|{'-' * width}|-------|------|-----:|------|{arrow[1]}-----:|---|-----:|"
    rows = [
        f"|{name:<{width}}|{version:>7}|none  |{shots:>6}|acc   |{arrow[2]}{value:.4f}|±  |{stderr:.4f}|"
        for name, version, shots, value, stderr in lines
    ]
    return "\n".join([head, ruler, *rows, ""])


def table_03(right: Right) -> str:
    """Return the table of version 0.3: no groups, and a second metric in a row without a name."""
    rows = [
        "|      Task      |Version| Metric |Value |   |Stderr|",
        "|----------------|------:|--------|-----:|---|-----:|",
    ]
    for prefix, by_code in right.items():
        for code, count in by_code.items():
            value, stderr = accuracy(count, items_of(prefix, code))
            name = {"xstorycloze": "xstory_cloze", "paws": "pawsx"}.get(prefix, prefix) + f"_{code}"
            rows.append(f"|{name:<16}|      0|acc     |{value:.4f}|±  |{stderr:.4f}|")
            rows.append(f"|                |       |acc_norm|{value:.4f}|±  |{stderr:.4f}|")
    return "\n".join([*rows, ""])


def log_of(table: str, bars: int = 20, limit: str = "None", shots: str = "") -> str:
    """Return a log: a loading message, progress bars that write over each other, settings, tables, a last word.

    With `shots` the settings are those of version 0.3, which has always some.
    """
    bar = "".join(
        f"\r{n * 100 // max(bars, 1):3}%|████▊     | {n}/{bars} [18:56<00:11, 272.83it/s]" for n in range(bars)
    )
    settings = f"hf (pretrained=some/model), gen_kwargs: (None), limit: {limit}, num_fewshot: None, batch_size: 4"
    if shots:
        settings = f"hf-causal (pretrained=some/model,dtype=float16), limit: {limit}, provide_description: False, "
        settings += f"num_fewshot: {shots}, batch_size: auto (64)"
    return f"Loading the model\n{bar}\n{settings}\n{table}\nexited with return code: 0\n"


def results_04(right: Right, harness: str = "0.4.2", **changes) -> str:
    """Return a result file of version 0.4."""
    results, groups, versions, samples = {}, {}, {}, {}
    for prefix, by_code in right.items():
        group = GROUPS.get(prefix, prefix)
        results[group] = groups[group] = {"acc,none": group_accuracy(prefix, by_code), "alias": group}
        for code, count in by_code.items():
            items = items_of(prefix, code)
            value, stderr = accuracy(count, items)
            task = f"{prefix}_{code}"
            results[task] = {"alias": f" - {task}", "acc,none": value, "acc_stderr,none": stderr}
            versions[task], samples[task] = 1.0, {"original": items, "effective": items}
    content = {
        "results": results,
        "groups": groups,
        "configs": {task: {"task": task} for task in versions},
        "versions": versions,
        "n-shot": dict.fromkeys(versions, 0),
        "n-samples": samples,
        "config": {"model": "hf", "limit": None, "num_fewshot": None},
        "git_hash": "abc1234",
        "lm_eval_version": harness,
    }
    return json.dumps(content | changes, indent=2)


def results_03(right: Right) -> str:
    """Return a result file of version 0.3."""
    results, versions = {}, {}
    for prefix, by_code in right.items():
        for code, count in by_code.items():
            value, stderr = accuracy(count, items_of(prefix, code))
            task = {"xstorycloze": "xstory_cloze", "paws": "pawsx"}.get(prefix, prefix) + f"_{code}"
            results[task], versions[task] = {"acc": value, "acc_stderr": stderr}, 0
    config = {"model": "hf-causal", "num_fewshot": 0, "limit": None}
    return json.dumps({"results": results, "versions": versions, "config": config}, indent=2)


def sample_lines(right: int, items: int, named_arguments: bool = False) -> str:
    """Return the items of a task with two choices, the first `right` of them answered rightly; all targets differ."""
    lines = []
    for number in range(items):
        target = number % 2
        values = [-12.5 - number / 100, -14.0]
        if (values[1] > values[0]) != bool(target) if number < right else (values[1] > values[0]) == bool(target):
            values.reverse()
        arguments = [["A premise", " because"], ["A premise", " so that"]]
        if named_arguments:
            arguments = {
                f"gen_args_{n}": dict(zip(("arg_0", "arg_1"), pair, strict=True)) for n, pair in enumerate(arguments)
            }
        record = {
            "doc_id": number,
            "doc": {"label": target},
            "target": str(target) if named_arguments else target,
            "arguments": arguments,
            "resps": [[[str(value), "False"]] for value in values],
            "filtered_resps": [[str(value), "False"] if named_arguments else [value, False] for value in values],
            "acc": float(number < right),
        }
        lines.append(json.dumps(record))
    return "\n".join(lines) + "\n"


MAPPING_COLUMNS = "log,base,selection,size,seed,languages"


def write_mapping(path: Path, *rows: str, more: str = "") -> Path:
    """Write a mapping with these rows and return its path."""
    path.write_text("\n".join([MAPPING_COLUMNS + more, *rows, ""]), encoding="utf-8")
    return path
