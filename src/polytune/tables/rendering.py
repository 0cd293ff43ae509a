"""A table as Markdown for readers and as LaTeX for papers; its numbers as csv."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.files import atomic_path, write_text

if TYPE_CHECKING:
    import pandas as pd

LATEX = str.maketrans(
    {
        "&": r"\&",
        "%": r"\%",
        "$": r"\$",
        "#": r"\#",
        "_": r"\_",
        "{": r"\{",
        "}": r"\}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "\\": r"\textbackslash{}",
        "–": "--",
        "−": "$-$",
        "±": r"$\pm$",
        "√": r"$\surd$",
        "≤": r"$\leq$",
        "≥": r"$\geq$",
        "<": "$<$",
        ">": "$>$",
        "|": "$|$",
        "×": r"$\times$",
        "→": r"$\to$",
    }
)
LONG = 40
"""A LaTeX table of more rows breaks over pages."""
DASH = "–"
"""What stands where there is no number."""


@dataclass(frozen=True)
class Cell:
    """What stands in a cell: `text`, in bold if `best`, and `beside` it, never in bold; LaTeX shows it on `colour`."""

    text: str
    best: bool = False
    beside: str = ""
    colour: str = ""


@dataclass(frozen=True)
class Table:
    """A table for people (`header`, `rows`) and its numbers (`data`); columns of numbers are right-aligned."""

    title: str
    header: list[str]
    rows: list[list[Cell]]
    data: pd.DataFrame
    notes: list[str] = field(default_factory=list)
    numbers: bool = True


def to_markdown(table: Table) -> str:
    """Return the table in Markdown, the first column left-aligned, notes below."""

    def line(cells: list[str]) -> str:
        return f"| {' | '.join(cells)} |"

    def cell(value: Cell) -> str:
        text, beside = (part.replace("|", r"\|") for part in (value.text, value.beside))
        return (f"**{text}**" if value.best else text) + beside

    ruler = [":--", *["--:" if table.numbers else ":--"] * (len(table.header) - 1)]
    header = [name.replace("|", r"\|") for name in table.header]
    lines = [line(header), line(ruler), *(line([cell(value) for value in row]) for row in table.rows)]
    return "\n\n".join([f"**{table.title}**", "\n".join(lines), *table.notes]) + "\n"


def to_latex(table: Table) -> str:
    """Return the table in LaTeX (booktabs; longtable if it has many rows), to be read with \\input."""

    def cell(value: Cell) -> str:
        text, beside = (part.translate(LATEX) for part in (value.text, value.beside))
        shade = rf"\cellcolor{{{value.colour}}}" if value.colour else ""
        return shade + (rf"\textbf{{{text}}}" if value.best else text) + beside

    columns = "l" + ("r" if table.numbers else "l") * (len(table.header) - 1)
    header = " & ".join(name.translate(LATEX) for name in table.header) + r" \\"
    body = [" & ".join(cell(value) for value in row) + r" \\" for row in table.rows]
    caption = " ".join([table.title + ".", *table.notes]).translate(LATEX)
    coloured = any(value.colour for row in table.rows for value in row)
    needs = "% needs \\usepackage{booktabs,longtable}" if len(table.rows) > LONG else "% needs \\usepackage{booktabs}"
    needs += " and \\usepackage[table]{xcolor}" * coloured
    if len(table.rows) > LONG:
        lines = [
            needs,
            rf"\begin{{longtable}}{{{columns}}}",
            rf"\caption{{{caption}}} \\",
            r"\toprule",
            header,
            r"\midrule",
            r"\endhead",
            *body,
            r"\bottomrule",
            r"\end{longtable}",
        ]
    else:
        lines = [
            needs,
            r"\begin{table}",
            r"\centering\small",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            header,
            r"\midrule",
            *body,
            r"\bottomrule",
            r"\end{tabular}",
            rf"\caption{{{caption}}}",
            r"\end{table}",
        ]
    return "\n".join(lines) + "\n"


def save_table(table: Table, stem: Path) -> list[Path]:
    """Write csv, md and tex; return the paths."""
    paths = [stem.with_name(f"{stem.name}.{ending}") for ending in ("csv", "md", "tex")]
    with atomic_path(paths[0]) as temporary:
        table.data.to_csv(temporary, index=False, float_format="%.6g", lineterminator="\n")
    write_text(paths[1], to_markdown(table))
    write_text(paths[2], to_latex(table))
    return paths


def number(value: float, digits: int = 2) -> str:
    """Return a number with a real minus sign, none before a zero, or a dash."""
    text = f"{value:.{digits}f}"
    return DASH if value != value else (text if float(text) else text.lstrip("-")).replace("-", "−")


def with_intervals(points: pd.DataFrame, digits: int) -> list[str]:
    """Return each `value` with its interval, `low` and `high`: all as value ± half, or as value [low, high] where the
    arms of some differ by a tenth or more, as near a bound of the measure; a single item may have none.
    """
    below, above = points["value"] - points["low"], points["high"] - points["value"]
    uneven = bool(((below - above).abs() > 0.1 * (below + above)).any())
    texts = []
    for value, low, high in zip(points["value"], points["low"], points["high"], strict=True):
        spread = (
            f"[{number(low, digits)}, {number(high, digits)}]" if uneven else f"± {number((high - low) / 2, digits)}"
        )
        texts.append(number(value, digits) if high != high else f"{number(value, digits)} {spread}")
    return texts


INTERVALS = "± half of its 95 % interval, or [the interval] where its arms differ"
