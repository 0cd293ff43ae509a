"""One sentence of interpretation for each figure and table, from the numbers in its csv file.

A function for each kind, beside the registries of kinds. It is given what is drawn and no more: a sentence says what
can be said of the numbers that a reader sees. docs/report.md tells the rules that the words follow.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from polytune.analysis.context import Context
from polytune.config.kinds import check_kind
from polytune.errors import InputError
from polytune.figures.kinds import FIGURES
from polytune.report import associations, counts, effects, levels, orders
from polytune.report.rows import About, Row
from polytune.tables.kinds import TABLES

Say = Callable[[Sequence[Row], About], str]
OF_FIGURES: Mapping[str, Say] = {
    "accuracy_by_languages": levels.say_levels,
    "language_accuracy": levels.say_levels,
    "exposure_panels": levels.say_levels,
    "values": levels.say_levels,
    "language_confusion": counts.say_confusion,
    "decomposition": effects.say_decomposition,
    "radar": levels.say_levels,
    "gains": effects.say_gains,
    "pairs": associations.say_measure_pairs,
    "comparison": effects.say_comparison,
    "matrix": levels.say_matrix,
    "language_groups": levels.say_levels,
    "pair_means": levels.say_pair_means,
    "corpus_share": associations.say_corpus_share,
    "rating_shares": counts.say_rating_shares,
    "language_map": counts.say_places,
    "language_vectors": counts.say_places,
}
OF_TABLES: Mapping[str, Say] = {
    "accuracy": levels.say_levels,
    "values": levels.say_levels,
    "comparison": effects.say_comparison,
    "run_means": effects.say_run_means,
    "variance_components": orders.say_components,
    "ranks": orders.say_ranks,
    "measure_separation": orders.say_separation,
    "win_rates": effects.say_win_rates,
    "selection_effect": effects.say_selection_effect,
    "group_means": counts.say_group_means,
    "transfer": counts.say_transfer,
    "similarity_correlation": associations.say_similarity,
    "correlation_details": associations.say_details,
    "outlier_checkpoints": counts.say_outliers,
    "judge_checks": counts.say_judges,
    "judged_totals": levels.say_levels,
    "human_agreement": associations.say_agreement,
    "language_confusion": counts.say_confusion,
    "languages": counts.say_languages,
    "exposure_groups": counts.say_exposure,
    "language_overlap": counts.say_overlap,
    "cut_answers": counts.say_cuts,
}
REGISTRIES = {"figures": (FIGURES, "draw", OF_FIGURES), "tables": (TABLES, "build", OF_TABLES)}


def interpret(section: str, content: Mapping[str, Any], rows: Sequence[Row]) -> str:
    """Return the sentence of a figure or table (`section`: figures, tables).

    `content` is its spec, `rows` are those of its csv file. Raises `InputError` where the file has not the columns of
    the kind: it was made by other code.
    """
    kinds, key, sentences = REGISTRIES[section]
    where = f"{content['study']}: {section}.{content['name']}"
    kind = check_kind(kinds, key, content["spec"], where, {}, content["defaults"])
    defaults = {name: parameter.default for name, parameter in kind.options.items()}
    about = About(Context.of(content), defaults | content["defaults"] | content["spec"])
    if not rows:
        return "The file of its numbers is empty."
    try:
        return sentences[content["spec"][key]](rows, about)
    except (KeyError, IndexError) as error:
        raise InputError(f"{where}: its csv file has no {error}; draw it again") from None
