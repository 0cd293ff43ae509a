"""Chosen languages on a map of the world, and among the vectors that they were chosen by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from polytune.analysis.choices import RunChoice, choose_runs, without_world
from polytune.analysis.context import Context
from polytune.errors import InputError
from polytune.figures import style
from polytune.figures.accuracy import letter, panel_page
from polytune.figures.drawing import Drawing
from polytune.figures.labels import overlap
from polytune.scores.spec import UNTUNED

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST = 12
"""More panels than these do not fit on a page."""
LAND, COAST = "#EFEFEF", "#B5B5B5"
SOUTH, NORTH = -58.0, 82.0
"""Latitudes that are shown, degrees: no language lives beyond."""
AROUND = ((4, 0), (-4, 0), (0, 4), (0, -4), (4, 4), (-4, 4), (4, -4), (-4, -4), (9, 0), (-9, 0), (0, 9), (0, -9))
"""Where a label may stand beside its point, in points of text, the best place first."""


def draw_map(runs: pd.DataFrame, context: Context, vectors: Path, choice: RunChoice) -> Drawing:
    """Draw the languages of each mixture on a map of equal areas, the others of the table in grey."""
    from polytune.languages.places import equal_earth, find_places, read_coastlines
    from polytune.languages.vectors import feature_set, read_vectors

    places = find_places(feature_set(read_vectors(vectors), "geo"))
    places["x"], places["y"] = equal_earth(places["longitude"].to_numpy(), places["latitude"].to_numpy())
    mixtures = _mixtures(runs, choice)
    outlines = [equal_earth(*outline.T) for outline in read_coastlines()]
    low, high = (float(equal_earth([0.0], [latitude])[1][0]) for latitude in (SOUTH, NORTH))
    wide = float(equal_earth([180.0], [0.0])[0][0])
    across = min(len(mixtures), 2)
    height = style.PAGE / across * (high - low) / (2 * wide) + 0.15
    figure, axes = panel_page(len(mixtures), height, across)
    for place, (name, chosen) in enumerate(mixtures.items()):
        panel = axes[place]
        for x, y in outlines:
            panel.fill(x, y, facecolor=LAND, edgecolor=COAST, lw=0.3, zorder=0)
        panel.set_xlim(-wide, wide)
        panel.set_ylim(low, high)
        panel.set_aspect("equal")
        _mark(panel, places, chosen)
        _title(panel, place, name, len(mixtures))
    return Drawing(figure, _table(places, mixtures), notes=[_note(places, mixtures, context), COASTLINES])


def draw_vectors(
    runs: pd.DataFrame,
    context: Context,
    vectors: Path,
    choice: RunChoice,
    features: Literal["typo", "geo", "learn"] = "geo",
    perplexity: float = 15.0,
    seed: int = 1,
) -> Drawing:
    """Draw t-SNE of the vectors of all languages, those of each mixture marked (Linguistic, figure A.1)."""
    import pandas as pd

    from polytune.languages.vectors import embed, feature_set, read_vectors

    values = feature_set(read_vectors(vectors), features)
    if not 1 <= perplexity < len(values):
        raise InputError(f"perplexity: is {perplexity:g}; it must be at least 1 and below {len(values)}, the languages")
    places = pd.DataFrame(embed(values.to_numpy(), perplexity, seed), index=values.index, columns=["x", "y"])
    mixtures = _mixtures(runs, choice)
    figure, axes = panel_page(len(mixtures), 2.3, min(len(mixtures), 3))
    for place, (name, chosen) in enumerate(mixtures.items()):
        axes[place].margins(0.08)
        _mark(axes[place], places, chosen)
        _title(axes[place], place, name, len(mixtures))
    words = (
        f"t-SNE of {values.shape[1]} values ({features}), perplexity {perplexity:g}, seed {seed}: near is alike, far "
    )
    return Drawing(
        figure,
        _table(places, mixtures),
        notes=[_note(places, mixtures, context), words + "says little; axes have no unit."],
    )


COASTLINES = "Coastlines: GSHHG (Wessel & Smith 1996); places: URIEL, one point for each language; map of equal areas."


def _mixtures(runs: pd.DataFrame, choice: RunChoice) -> dict[str, list[str]]:
    """Return the languages of each mixture of the chosen runs; raises `InputError` if there are none or too many."""
    chosen = choose_runs(runs, choice)
    chosen = chosen[chosen["method"] != UNTUNED]
    chosen = chosen.assign(mixture=without_world(chosen["mixture"], chosen["world"])).drop_duplicates("mixture")
    found = {_name(row): list(row["languages"]) for row in chosen.to_dict("records")}
    if not found:
        raise InputError("mixtures: no tuned model is chosen, so there are no languages to mark")
    if len(found) > MOST:
        raise InputError(
            f"mixtures: {len(found)} are too many panels; choose up to {MOST} with 'mixtures' or 'families'"
        )
    return found


def _name(run: Mapping[str, Any]) -> str:
    """Return a short name of a run's mixture: by what and with which seed its languages were chosen, if they were."""
    features, seed = run.get("features"), run.get("selection_seed")
    if not isinstance(features, str) or not features or seed is None or seed != seed:
        return run["mixture"]
    return f"{features}, {len(run['languages'])} languages, seed {seed:g}"


def _mark(axes: Axes, places: pd.DataFrame, chosen: Sequence[str]) -> None:
    """Draw all languages, the chosen ones coloured and with their codes beside them."""
    inside = places.index.isin(chosen)
    axes.plot(places.loc[~inside, "x"], places.loc[~inside, "y"], "o", color=style.GREY, ms=2.0, mew=0, alpha=0.6)
    axes.plot(places.loc[inside, "x"], places.loc[inside, "y"], "o", color=style.PALETTE[1], ms=4.0, mew=0)
    axes.set_xticks([])
    axes.set_yticks([])
    axes.grid(False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    _write_codes(axes, places[inside])


def _write_codes(axes: Axes, places: pd.DataFrame) -> None:
    """Write each language's code beside its point where it covers no other code and no chosen point, if it can."""
    figure = axes.figure
    figure.draw_without_rendering()
    points = axes.transData.transform(places[["x", "y"]].to_numpy())
    unit, taken = figure.dpi / 72, []
    for (x, y), code in zip(points, places.index, strict=True):
        best = None
        for right, up in AROUND:
            width, height = 4.0 * len(code) * unit, 6.0 * unit
            left = x + right * unit - (0 if right > 0 else width if right < 0 else width / 2)
            bottom = y + up * unit - (0 if up > 0 else height if up < 0 else height / 2)
            box = (left, bottom, left + width, bottom + height)
            covered = sum(overlap(box, other) for other in taken)
            covered += sum(box[0] < px < box[2] and box[1] < py < box[3] for px, py in points)
            if best is None or covered < best[0]:
                best = (covered, box, (right, up))
        taken.append(best[1])
        right, up = best[2]
        axes.annotate(
            code,
            places.loc[code, ["x", "y"]].tolist(),
            (right, up),
            textcoords="offset points",
            fontsize=6,
            ha="left" if right > 0 else "right" if right < 0 else "center",
            va="bottom" if up > 0 else "top" if up < 0 else "center",
        )


def _title(axes: Axes, place: int, name: str, count: int) -> None:
    axes.set_title(f"({letter(place)}) {name}" if count > 1 else name, loc="left", fontsize=6.5)


def _table(places: pd.DataFrame, mixtures: dict[str, list[str]]) -> pd.DataFrame:
    """Return the drawn points of each mixture."""
    import pandas as pd

    parts = [
        places.reset_index().assign(mixture=name, chosen=places.index.isin(codes)) for name, codes in mixtures.items()
    ]
    return pd.concat(parts, ignore_index=True)


def _note(places: pd.DataFrame, mixtures: dict[str, list[str]], context: Context) -> str:
    """Return what the points are, and the languages that have no place here."""
    missing = sorted({code for codes in mixtures.values() for code in codes} - set(places.index))
    names = ", ".join(context.language(code) for code in missing)
    return "Orange: languages of the mixture; grey: the others of the table." + (
        f" Without these vectors: {names}." if missing else ""
    )
