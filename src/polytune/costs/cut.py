"""Which answers the trainings of a plan will cut, told from the mixtures and token stores that are there."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from polytune.data.cutting import Cut, Lengths
from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.mixtures.manifest import Mixture, Part

if TYPE_CHECKING:
    from polytune.study.plan import Plan

SHOWN = 8  # languages, mixtures
FEWER = 3  # runs of a mixture


class Reading(NamedTuple):
    """What trainings have in common that read the same rows at the same length: all cut the same answers."""

    tokens: str
    lengths: Lengths
    mixture: str


def show_cuts(plan: Plan) -> list[str]:
    """Return what trainings will cut: a line for each tokenization and maximum length, then who will refuse to begin.

    Counted are the rows that a mixture takes, as the training counts them; of a mixture that is not built yet all rows
    of its languages, of which it may take others.
    """
    runs: dict[Reading, list[str]] = defaultdict(list)
    for path, run in plan.tuned.items():
        hyper = run.spec["hyperparameters"]
        lengths = Lengths(hyper["max_length_tokens"], hyper.get("max_source_length_tokens"))
        runs[Reading(run.tokens.name, lengths, run.mixture)].append(path)
    built = {name: _read_manifest(plan, name) for name in dict.fromkeys(reading.mixture for reading in runs)}
    whole: dict[tuple[Path, Lengths], Cut] = {}
    cuts = {reading: _count(plan, reading, built[reading.mixture], whole) for reading in runs}
    lines = []
    for tokens, lengths in dict.fromkeys((reading.tokens, reading.lengths) for reading in runs):
        alike = [reading for reading in runs if (reading.tokens, reading.lengths) == (tokens, lengths)]
        worst: dict[str, tuple[Cut, str]] = {}
        for reading in alike:
            where = f" in '{reading.mixture}'" if built[reading.mixture] else ""
            for name, cut in cuts[reading].items():
                if cut.share > (worst[name][0].share if name in worst else 0):
                    worst[name] = cut, where
        if worst:
            ordered = sorted(worst.items(), key=lambda item: -item[1][0].share)
            said = [f"{name} {cut}{where}" for name, (cut, where) in ordered]
            lines.append(f"answers cut at {lengths.max_length_tokens} tokens ({tokens}): {_first(said)}")
    return lines + _refusals(plan.config["data"]["largest_cut_share"], runs, cuts, built)


def _refusals(
    allowed: float,
    runs: dict[Reading, list[str]],
    cuts: dict[Reading, dict[str, Cut]],
    built: dict[str, Mixture | None],
) -> list[str]:
    """Return which trainings will refuse to begin, by mixture; and which may, whose mixtures are not built yet."""
    over = {reading: [name for name, cut in mine.items() if cut.share > allowed] for reading, mine in cuts.items()}
    over = {reading: names for reading, names in over.items() if names}
    known = [reading for reading in over if built[reading.mixture]]
    limit = f"(data.largest_cut_share is {allowed:g})"
    lines = [
        f"too many answers cut: {_first(runs[reading], FEWER)} will refuse to begin: mixture '{reading.mixture}': "
        f"{_first([f'{name} {cuts[reading][name]}' for name in over[reading]])} {limit}"
        for reading in known[:SHOWN]
    ]
    if more := len(known) - SHOWN:
        lines += [f"too many answers cut: and trainings on {more} more mixtures"] if more > 0 else []
    if unknown := [reading for reading in over if not built[reading.mixture]]:
        names = list(dict.fromkeys(name for reading in unknown for name in over[reading]))
        mixtures = list(dict.fromkeys(f"'{reading.mixture}'" for reading in unknown))
        lines.append(
            f"too many answers cut: of all rows of {_first(names)}: trainings on {_first(mixtures)} may refuse to "
            f"begin {limit}; once the mixtures are built (snakemake rows) it is told of the rows that they take"
        )
    return lines


def _read_manifest(plan: Plan, name: str) -> Mixture | None:
    """Return a mixture that is built and was asked to be what the plan asks for, else None."""
    file = Path(plan.paths.mixture(name))
    if not file.exists() or not Path(plan.spec(f"mixtures/{name}")).exists():
        return None
    try:
        return Mixture.read(file)
    except InputError:  # edited by hand: whoever reads it will say so
        return None


def _count(
    plan: Plan, reading: Reading, mixture: Mixture | None, whole: dict[tuple[Path, Lengths], Cut]
) -> dict[str, Cut]:
    """Return how many answers are cut, by `source/language`, of what is tokenised; `whole` keeps counts of stores."""
    recipe, found = plan.recipes[reading.mixture], {}
    wanted: dict[tuple[str, str], list[Part]] = {}
    if mixture is None:
        # of complete rows none is cut
        parts = [part for part in plan.parts(recipe.name) if not (recipe.complete_rows and part[0] == recipe.source)]
        wanted = {part: [] for part in parts}
    else:
        for part in mixture.parts:
            wanted.setdefault((part.source, part.language), []).append(part)
    for (source, language), parts in wanted.items():
        index = Path(plan.paths.token_index(reading.tokens, source, language))
        if not index.exists():
            continue
        store = TokenStore(index.parent)
        if all(part.take == "all" for part in parts) and not (mixture and mixture.incomplete):
            if (known := (index, reading.lengths)) not in whole:
                whole[known] = store.count_cut(reading.lengths)
            found[f"{source}/{language}"] = whole[known]
            continue
        try:
            taken = [store.count_cut(reading.lengths, mixture.select(part, store.keys)) for part in parts]
        except InputError:  # other rows than the mixture's: it will be built again
            continue
        found[f"{source}/{language}"] = sum(taken[1:], start=taken[0])
    return found


def _first(names: Sequence[str], shown: int = SHOWN) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
