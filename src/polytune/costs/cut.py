"""Which answers the trainings of a plan will cut, told from the token stores that are there."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.data.cutting import Cut, Lengths
from polytune.data.tokens import TokenStore

if TYPE_CHECKING:
    from polytune.study.plan import Plan

SHOWN = 8  # languages


def show_cuts(plan: Plan) -> list[str]:
    """Return a line for each tokenization and maximum length whose trainings will cut answers, the worst cut first.

    Shares are of all rows of a language; mixtures of complete rows cut none.
    """
    wanted: dict[tuple[str, Lengths], dict[str, TokenStore]] = {}
    for run in plan.tuned.values():
        hyper, recipe = run.spec["hyperparameters"], plan.recipes[run.mixture]
        lengths = Lengths(hyper["max_length_tokens"], hyper.get("max_source_length_tokens"))
        for source, language in plan.parts(run.mixture):
            index = Path(plan.paths.token_index(run.tokens.name, source, language))
            if index.exists() and not (recipe.complete_rows and source == recipe.source):
                stores = wanted.setdefault((run.tokens.name, lengths), {})
                stores.setdefault(f"{source}/{language}", TokenStore(index.parent))
    allowed, lines = plan.config["data"]["largest_cut_share"], []
    for (tokens, lengths), stores in wanted.items():
        cuts = {name: cut for name, store in stores.items() if (cut := store.count_cut(lengths)).share}
        if cuts:
            lines.append(f"answers cut at {lengths.max_length_tokens} tokens ({tokens}): {_list_cuts(cuts.items())}")
        if over := [name for name, cut in cuts.items() if cut.share > allowed]:
            lines.append(
                f"too many answers cut: trainings on {', '.join(over[:SHOWN])}{_more(over)} will refuse to begin "
                f"(data.largest_cut_share is {allowed:g})"
            )
    return lines


def _list_cuts(cuts: Iterable[tuple[str, Cut]]) -> str:
    worst = sorted(cuts, key=lambda pair: -pair[1].share)
    said = [f"{name} {cut}" for name, cut in worst[:SHOWN]]
    return ", ".join(said) + _more(worst)


def _more(names: list) -> str:
    return f" and {len(names) - SHOWN} more" if len(names) > SHOWN else ""
