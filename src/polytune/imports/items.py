"""How many items a task had, where only a rounded accuracy and its standard error say it.

The standard error of an accuracy v of n items is s = sqrt(v (1 - v) / (n - 1)), so n = 1 + v (1 - v) / s^2. From four
decimals that is known to about one percent; all runs answer the same items, so every further run narrows it down.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from polytune.imports.printed import Printed
from polytune.imports.rows import Row


def count_items(rows: Sequence[Row]) -> tuple[dict[tuple, int], list[str]]:
    """Return the items by task (`Row.task`), and the tasks whose rows cannot be of equally many items, in words.

    Such a task has items by row (`Row.key`) instead.
    """
    bounds: dict[tuple, list[tuple[float, float, Row]]] = {}
    for row in rows:
        if row.language and (known := bounds_of(row.printed)):
            bounds.setdefault(row.task, []).append((*known, row))
    items: dict[tuple, int] = {}
    unlike = []
    for task, found in bounds.items():
        low, _, most = max(found, key=lambda bound: bound[0])
        _, high, fewest = min(found, key=lambda bound: bound[1])
        if math.ceil(low) <= math.floor(high):
            items[task] = round((math.ceil(low) + math.floor(high)) / 2)
            continue
        items |= {row.key: round((below + above) / 2) for below, above, row in found}
        few, many = items[fewest.key], items[most.key]
        unlike.append(f"{fewest.place}: {fewest.printed.task}: about {few} items, but about {many} in {most.place}")
    return items, unlike


def bounds_of(printed: Printed) -> tuple[float, float] | None:
    """Return the fewest and the most items that a printed number can come from, None if it does not say."""
    if printed.items:
        return printed.items, printed.items
    value, stderr = printed.value, printed.stderr
    if printed.measure != "acc" or not stderr > 0 or not 0 < value < 1:
        return None
    half = 0.5 * 10.0**-printed.decimals if printed.decimals else 1e-9
    if stderr <= half:
        return None
    ends = [max(value - half, 0.0), min(value + half, 1.0)]
    spread = [share * (1 - share) for share in ends]
    most = 0.25 if ends[0] <= 0.5 <= ends[1] else max(spread)
    return 1 + min(spread) / (stderr + half) ** 2 - 1e-6, 1 + most / (stderr - half) ** 2 + 1e-6
