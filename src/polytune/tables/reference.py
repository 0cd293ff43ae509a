"""The kinds of figures and tables in docs/figures.md, written from their registries."""

from __future__ import annotations

import inspect
import re
import types
import typing
from typing import Any

from polytune import ROOT
from polytune.analysis.choices import Choice, Contrast, Layout, RunChoice
from polytune.analysis.measures import MEASURES
from polytune.config.kinds import Kind, Kinds
from polytune.figures.kinds import FIGURES
from polytune.tables.kinds import TABLES

PAGE = ROOT / "docs" / "figures.md"
GROUPS = {
    RunChoice: "which runs",
    Choice: "which results",
    Layout: "what against what",
    Contrast: "against a reference",
}
"""Options that many kinds share, and how the kinds' tables call them."""
MEANINGS = {
    "measure": "what is measured, a line of the table below",
    "bases": "only these bases",
    "methods": "only these methods; untuned bases stay",
    "families": "only these keys of the study's `mixtures`; untuned bases stay",
    "mixtures": "only these mixtures; untuned bases stay",
    "own": "keys of the study's `mixtures` whose runs are tuned on one language each: together they are one model, in "
    "each language the one tuned on it",
    "judge": "only verdicts of this judge, if there are several",
    "protocol": "only verdicts by this protocol",
    "opponent": "only comparisons with this opponent",
    "total_of": "show the total of so many prompts in the place of the mean (50 prompts rated 1 to 3: up to 150)",
    "largest_missing_share": "share of verdicts that may be missing; set it in the study's `analysis`",
    "origin": "where the benchmark's data comes from, if the study has several",
    "against": "what the measure stands against: a column of the runs (`n_languages`, `percent`, `k`, `base`, `model`, "
    "...), or `language`, `exposure`, `evaluation`",
    "reference": "value of `against` that the others are compared with; `base`: the untuned base",
    "pair_by": "columns by which runs belong together (`seed`, `world`, ...)",
    "arbitrary": "whether that pairing could as well be another: shows the range of p over all pairings",
    "by": "a line for each value of this column",
    "over": "average over these columns too, not only over seeds and worlds (`selection_seed`, `permutation`, ...)",
}


def render() -> str:
    """Return docs/figures.md with its generated parts as they are now."""
    parts = {
        "figures": _kinds(FIGURES),
        "tables": _kinds(TABLES),
        "options": _shared(),
        "measures": _measures(),
    }
    text = PAGE.read_text(encoding="utf-8")
    for name, part in parts.items():
        pattern = rf"(<!-- {name}: written by polytune write-reference -->\n).*?(<!-- end -->)"
        text = re.sub(pattern, lambda found, part=part: f"{found[1]}{part}\n{found[2]}", text, flags=re.DOTALL)
    return text


def _kinds(kinds: Kinds) -> str:
    """Return a table of kinds: what they show, and their own options."""
    lines = ["| kind | shows | options |", "|---|---|---|"]
    for name, kind in kinds.items():
        shared = {option for group in kind.groups.values() for option in inspect.signature(group).parameters}
        options = [_option(kind, option) for option in kind.options if option not in shared]
        options += [f"*{GROUPS[group]}*" for group in kind.groups.values()]
        shows = re.sub(r"\{(\w+)\}", r"`\1`", kind.caption)
        lines.append(f"| `{name}` | {shows[0].upper()}{shows[1:]} | {'; '.join(options) or 'none'} |")
    return "\n".join(lines)


def _option(kind: Kind, option: str) -> str:
    """Return an option with its values and its default."""
    parameter = kind.options[option]
    text = f"`{option}`: {_values(kind.hint(option))}"
    if parameter.default is inspect.Parameter.empty:
        return f"{text} (needed)"
    return text if parameter.default in (None, "", ()) else f"{text} (default `{parameter.default}`)"


def _values(hint: Any) -> str:
    """Return the values that a type allows, in words."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(filter(None, (_values(choice) for choice in arguments if choice is not type(None))))
    if origin is typing.Literal:
        return ", ".join(f"`{value}`" for value in arguments if value != "")
    if origin is list:
        return f"list of {_values(arguments[0])}s"
    return {"float": "number", "Evaluation": "benchmark"}.get(hint.__name__, hint.__name__.lower())


def _shared() -> str:
    """Return a table of the options that many kinds share."""
    lines = ["| | option | default | meaning |", "|---|---|---|---|"]
    shown: set[str] = set()  # what results have besides their runs
    for group, title in GROUPS.items():
        options = {name: one for name, one in inspect.signature(group).parameters.items() if name not in shown}
        shown |= set(options) if group is RunChoice else set()
        for name, parameter in options.items():
            nothing = "all" if group in (RunChoice, Choice) and name not in ("own", "total_of") else "none"
            default = f"`{parameter.default}`" if parameter.default else nothing
            if parameter.default is inspect.Parameter.empty:
                default = "needed"
            lines.append(f"| *{title}* | `{name}` | {default} | {MEANINGS[name]} |")
    return "\n".join(lines)


def _measures() -> str:
    """Return a table of the measures."""
    lines = ["| measure | is | unit | better | chance known |", "|---|---|---|---|---|"]
    for name, info in MEASURES.items():
        better = "higher" if info.higher_is_better else "lower"
        chance = "yes" if info.has_chance else "no"
        lines.append(f"| `{name}` | {info.label} | {info.unit or '-'} | {better} | {chance} |")
    return "\n".join(lines)
