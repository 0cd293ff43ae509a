"""Which answers the trainings of a plan will cut, told from the mixtures and token stores that are there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.data.cutting import Cut, Lengths
from polytune.errors import InputError
from polytune.mixtures.cut import Whole, count_store, count_taken
from polytune.mixtures.manifest import Mixture
from polytune.study.tokenization import Reading

if TYPE_CHECKING:
    from polytune.study.plan import Plan

SHOWN = 8  # languages, mixtures
FEWER = 3  # runs of a mixture


def show_cuts(plan: Plan) -> list[str]:
    """Return what trainings will cut: a line for each tokenization and maximum length, then who will refuse to begin.

    Counted are the rows that a mixture takes, as the training counts them; of a mixture that is not built yet all rows
    of its languages, of which it may take others.
    """
    runs = plan.readings
    built = {name: _read_manifest(plan, name) for name in dict.fromkeys(reading.mixture for reading in runs)}
    whole: Whole = {}
    cuts = {reading: _count(plan, reading, built[reading.mixture], whole) for reading in runs}
    lines = []
    for tokens, *lengths in dict.fromkeys(reading[1:] for reading in runs):
        alike = [reading for reading in runs if reading[1:] == (tokens, *lengths)]
        worst: dict[str, tuple[Cut, str]] = {}
        for reading in alike:
            where = f" in '{reading.mixture}'" if built[reading.mixture] else ""
            for name, cut in cuts[reading].items():
                if cut.share > (worst[name][0].share if name in worst else 0):
                    worst[name] = cut, where
        if worst:
            ordered = sorted(worst.items(), key=lambda item: -item[1][0].share)
            said = [f"{name} {cut}{where}" for name, (cut, where) in ordered]
            lines.append(f"answers cut at {lengths[0]} tokens ({tokens}): {_first(said)}")
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


def _count(plan: Plan, reading: Reading, mixture: Mixture | None, whole: Whole) -> dict[str, Cut]:
    """Return how many answers are cut, by `source/language`, of what is tokenised; `whole` keeps counts of stores."""
    stores = Path(plan.paths.tokens(reading.tokens))
    lengths = Lengths(reading.max_length_tokens, reading.max_source_length_tokens)
    if mixture is not None:
        return {name: cut for name, cut in count_taken(mixture, stores, lengths, whole).items() if cut}
    recipe = plan.recipes[reading.mixture]
    # of complete rows none is cut
    parts = [part for part in plan.parts(recipe.name) if not (recipe.complete_rows and part[0] == recipe.source)]
    made = [part for part in parts if Path(plan.paths.token_index(reading.tokens, *part)).exists()]
    return {f"{source}/{code}": count_store(stores / source / code, lengths, whole) for source, code in made}


def _first(names: Sequence[str], shown: int = SHOWN) -> str:
    return ", ".join(names[:shown]) + (f" and {len(names) - shown} more" if len(names) > shown else "")
