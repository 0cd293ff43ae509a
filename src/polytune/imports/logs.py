"""The tables that lm-evaluation-harness prints at its end, found in logs of any length.

    |      Tasks      |Version|Filter|n-shot|Metric|   |Value |   |Stderr|
    |-----------------|------:|------|-----:|------|---|-----:|---|-----:|
    |xcopa            |      1|none  |      |acc   |↑  |0.5609|±  |0.0067|
    | - xcopa_et      |      1|none  |     0|acc   |↑  |0.4820|±  |0.0224|

Columns are found by their names: version 0.3 has `Task` and neither filter nor shots, later ones have a column without
a name for the direction. A second metric of a task stands in a row that does not repeat the name. Before a table there
may be megabytes of progress bars, in it colours of a terminal and what `srun --label` writes in front of every line.

In the line before a table the harness prints its settings; version 0.3 says the shots nowhere else:

    hf-causal (pretrained=m), limit: 500.0, provide_description: False, num_fewshot: 4, batch_size: 8
    hf (pretrained=m), gen_kwargs: (None), limit: None, num_fewshot: None, batch_size: 8
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from pathlib import Path

from polytune.errors import InputError, short
from polytune.files import sha256_file
from polytune.imports.printed import Printed, ResultFile, measure_name, task_name
from polytune.readers.text import read_text

HEADER = re.compile(r"\|[ \t]*(?:Task|Group)s?[ \t]*\|[ \t]*Version[ \t]*\|[^\r\n]*\|")
COLOUR = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")
SETTINGS = re.compile(
    r"\blimit: (?P<limit>[^,\r\n]+),(?: provide_description: [^,\r\n]+,)? num_fewshot: (?P<shots>[^,\s]+)"
)
BEFORE = 4000  # characters before a table in which its settings are looked for
DASHES = frozenset("|-: ")
"""What the line below the head consists of."""
NO_NUMBER = ("N/A", "nan", "NaN", "")
NEEDED = ("Version", "Metric", "Value")


def read_log(path: Path) -> ResultFile | None:
    """Return the results of a log, None if it holds no table.

    Raises `InputError` naming file and line for text that is not UTF-8, a row that is cut, a value that is no number
    and rows that other output has torn from their table.
    """
    text = read_text(path)
    if "\x1b" in text:
        text = COLOUR.sub("", text)
    printed: list[Printed] = []
    rows, position, line, limits = 0, 0, 1, set()
    headers = list(HEADER.finditer(text))
    for header in headers:
        line += text.count("\n", position, header.start())
        position = header.start()
        limit, shots = _settings(text, position)
        found, seen = _read_table(text, header, f"{path}: line", line, shots)
        printed += found
        rows += seen
        limits |= {limit} - {""}
    if not headers:
        return None
    if text.count("|±") > rows:
        raise InputError(
            f"{path}: {text.count('|±')} lines look like rows of results, but {rows} of them follow the head of a "
            "table: other output stands between them, or a head is missing; remove what does not belong there"
        )
    return ResultFile(path, sha256_file(path), tuple(printed), limit=", ".join(sorted(limits)))


def _settings(text: str, position: int) -> tuple[str, str]:
    """Return limit and shots of the table at a position, each empty where nothing says it."""
    found = SETTINGS.findall(text, max(0, position - BEFORE), position)
    limit, shots = found[-1] if found else ("", "")
    return limit.replace("None", ""), shots.replace("None", "")


def _read_table(text: str, header: re.Match[str], place: str, line: int, shots: str) -> tuple[list[Printed], int]:
    """Return the results of one table, and how many of its rows have the sign of a standard error.

    `shots` are those of a table without a column for them.
    """
    columns = _cells(header[0])
    lacking = [name for name in NEEDED if name not in columns]
    if lacking:
        raise InputError(f"{place} {line}: the table has no column '{lacking[0]}'; it has: {', '.join(columns)}")
    where = {name: columns.index(name) for name in (*NEEDED, "Filter", "n-shot", "Stderr") if name in columns}
    found, marked, task, version = [], 0, "", ""
    for number, row in _rows(text, header.end(), line):
        cells = _cells(row)
        if set(row) <= DASHES:
            continue
        if len(cells) != len(columns) or not row.endswith("|"):
            raise InputError(
                f"{place} {number}: {len(cells)} cells, the head of the table has {len(columns)} ({short(row)}): "
                "is the log cut?"
            )
        cell = dict.fromkeys(("Filter", "n-shot", "Stderr"), "") | {name: cells[at] for name, at in where.items()}
        if name := task_name(cells[0]):
            task, version = name, cell["Version"]
        marked += "|±" in row
        if not cell["Metric"]:  # the name of a group that has no score of its own
            continue
        found.append(
            Printed(
                task=task,
                measure=measure_name(cell["Metric"], cell["Filter"]),
                value=_number(cell["Value"], f"{place} {number}: {task}: the value"),
                line=number,
                stderr=_number(cell["Stderr"], f"{place} {number}: {task}: the standard error"),
                version="" if version == "N/A" else version,
                shots=cell["n-shot"] if "n-shot" in where else shots,
                decimals=len(cell["Value"].partition(".")[2]),
            )
        )
    return found, marked


def _rows(text: str, position: int, line: int) -> Iterator[tuple[int, str]]:
    """Yield (line, row) of what follows the head of a table, up to the first line that is no row.

    A row begins with `|`, behind nothing but the label that the line of dashes has too (`0: `; digits may differ, as in
    times). A progress bar has its first `|` further on.
    """
    position = text.find("\n", position)
    label = None
    while position >= 0:
        line += 1
        end = text.find("\n", position + 1)
        # what a progress bar has written over is not there any more
        row = text[position + 1 : end if end >= 0 else len(text)].rstrip().rpartition("\r")[2]
        before, sign, cells = row.partition("|")
        before = re.sub("[0-9]+", "0", before.strip())
        if label is None:
            label = before if set(cells) <= DASHES else ""
        if not sign or before not in ("", label) or HEADER.search(row):
            return
        yield line, sign + cells
        position = end


def _cells(row: str) -> list[str]:
    return [cell.strip() for cell in row.removeprefix("|").removesuffix("|").split("|")]


def _number(cell: str, what: str) -> float:
    if cell in NO_NUMBER:
        return math.nan
    try:
        return float(cell)
    except ValueError:
        raise InputError(f"{what} is '{short(cell)}', expected a number") from None
