"""Packing: which rows of an update share one forward pass, on which process.

An update is planned from the lengths of its rows alone, so every process computes the same plan without communication.
"""

from __future__ import annotations

import bisect
import heapq
from collections.abc import Sequence


def pack_rows(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Pack rows into as few packs of at most `capacity` tokens as best-fit decreasing finds.

    Rows are placed from the longest to the shortest, each into the fullest pack that still has room (Johnson 1974:
    never more than 11/9 of the optimum plus one pack). A row longer than `capacity` gets a pack of its own. Returns
    the row numbers of each pack, longest row first; rows of length 0 are left out.
    """
    packs: list[list[int]] = []
    rooms: list[tuple[int, int]] = []  # (room left, pack number), ascending
    for row in _longest_first(lengths):
        place = bisect.bisect_left(rooms, (lengths[row], -1))
        if place == len(rooms):
            packs.append([row])
            room, number = capacity, len(packs) - 1
        else:
            room, number = rooms.pop(place)
            packs[number].append(row)
        bisect.insort(rooms, (max(room - lengths[row], 0), number))
    return packs


def balance_rows(lengths: Sequence[int], capacity: int, packs: int) -> list[list[int]] | None:
    """Spread rows over exactly `packs` packs of about equal size; None if some pack would exceed `capacity`.

    Longest row first, always into the emptiest pack (Graham 1969).
    """
    result: list[list[int]] = [[] for _ in range(packs)]
    loads = [(0, number) for number in range(packs)]
    for row in _longest_first(lengths):
        load, number = heapq.heappop(loads)
        if load and load + lengths[row] > capacity:
            return None
        result[number].append(row)
        heapq.heappush(loads, (load + lengths[row], number))
    return result


def plan_update(lengths: Sequence[int], micro_batch_tokens: int, processes: int = 1) -> list[list[list[int]]]:
    """Return, for each process, the packs (lists of row numbers) that it computes in this update.

    Every process gets the same number of packs, at least one; an empty list is a pack without rows, computed with zero
    weight so that the processes stay in step.
    """
    packs = pack_rows(lengths, micro_batch_tokens)
    count = max(-(-len(packs) // processes), 1) * processes
    if processes > 1:
        packs = balance_rows(lengths, micro_batch_tokens, count) or packs
    packs.sort(key=lambda pack: -sum(lengths[row] for row in pack))  # stable: processes get packs of like size
    packs += [[] for _ in range(count - len(packs))]
    return [packs[process::processes] for process in range(processes)]


def _longest_first(lengths: Sequence[int]) -> list[int]:
    return sorted((row for row, length in enumerate(lengths) if length), key=lambda row: (-lengths[row], row))
