"""The words beside a heatmap belong to its rows and columns, and tell them apart."""

from __future__ import annotations

import re

import pandas as pd
import pytest

from polytune.explorer.build import build_page
from polytune.explorer.tables import read_studies
from tests.cases.browser import open_browser, visit
from tests.cases.explorer_cases import write_results

WATCH = """() => {
  const embed = window.vegaEmbed;
  window.vegaEmbed = async (...given) => { const made = await embed(...given); window.seen = made.view; return made; };
}"""
DRAWN = """() => {
  const found = { down: [], across: [], cells: [] };
  const visit = (mark, x, y, side) => {
    for (const item of mark.items ?? []) {
      const [left, top] = [x + (item.x ?? 0), y + (item.y ?? 0)];
      if (mark.role === "axis-label" && item.opacity > 0 && item.text !== "")
        if (side === "left") found.down.push([item.text, top]);
        else if (side === "bottom") found.across.push([item.text, left]);
      if (mark.marktype === "rect" && item.datum?.line) found.cells.push({ ...item.datum, top, height: item.height });
      for (const inner of item.marktype ? [] : item.items ?? [])
        visit(inner, left, top, mark.role === "axis" ? item.orient : side);
    }
  };
  visit(window.seen.scenegraph().root, 0, 0, "");
  return found;
}"""
"""What a person sees beside a chart: words of the axes with their places in pixels, and cells with theirs."""


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


def drawn(browser, paths, folder, view: str, address: str, width: int = 1300, dark: bool = False) -> dict:
    """Return what is drawn in a view of the page of results; the view before it is another, whose chart is not kept."""
    page = folder / "page.html"
    page.write_text(build_page(read_studies(paths), paths)[0], encoding="utf-8")
    window = visit(browser, width, dark=dark)
    window.go(page, f"view=map&{address}")
    window.page.evaluate(WATCH)
    window.view(view)
    found = window.page.evaluate(DRAWN) | {"legend": window.page.evaluate("window.seen.signal('valueTitle')")}
    assert window.faults == []
    window.page.close()
    return found


@pytest.mark.parametrize("width, dark", [(1300, False), (390, True)], ids=["desktop", "telephone"])
@pytest.mark.parametrize("tuned_on", [("sw", "th"), ("th", "zh")])
def test_rows_of_pairs_are_the_languages_that_were_tuned_on_and_each_is_named(browser, tmp_path, tuned_on, width, dark):
    paths = write_results(tmp_path)
    path = paths.runs_table("lucky52", "full")
    languages = [[], *([code] for code in tuned_on)]
    pd.read_parquet(path).assign(n_languages=[0, 1, 1], languages=languages).to_parquet(path)
    found = drawn(browser, paths, tmp_path, "pairs", "made=real", width, dark)
    names = {"sw": "Swahili", "th": "Thai", "zh": "Chinese"}
    assert {name for name, _ in found["down"]} == {names[code] for code in tuned_on}
    assert len(found["cells"]) == 2 * (5 + 2)  # five languages asked in, family and script
    for name, middle in found["down"]:
        own = [cell for cell in found["cells"] if cell["line"] == name]
        assert len(own) == 7
        for cell in own:
            assert cell["height"] > 10 and cell["top"] < middle < cell["top"] + cell["height"], (name, cell)


@pytest.mark.parametrize("view, axis", [("grid", "across"), ("pairs", "down")])
def test_words_of_runs_that_differ_at_their_end_alone_are_told_apart(browser, tmp_path, view, axis):
    paths = write_results(tmp_path)
    names = {}
    for table in (paths.runs_table, paths.scores, paths.items):
        rows = pd.read_parquet(table("lucky52", "full"))
        for seed, old in ((1, "incremental-01-all"), (2, "incremental-04-all")):
            name = "bloom-560m/full/xquad-one-budget-02-of-forty-eight-rows-in-all/seed"
            names[f"bloom-560m/full/{old}/seed1"] = f"{name}{seed}"
        rows["run"] = rows["run"].replace(names)
        if "seed" in rows:
            rows["mixture"] = [run.split("/")[2] for run in rows["run"]]
            rows["seed"] = [int(run[-1]) for run in rows["run"]]
        rows.to_parquet(table("lucky52", "full"))
    found = drawn(browser, paths, tmp_path, view, "made=real&pairs=runs")
    words = [word for word, _ in found[axis] if word.strip() not in ("family", "script")]
    tuned = [word for word in words if not word.startswith("untuned")]
    assert len(words) == 3 and len({*tuned}) == 2 and all("…" in word and len(word) <= 32 for word in tuned)
    assert sorted(word[-6:] for word in tuned) == ["seed 1", "seed 2"]


@pytest.mark.parametrize("values, said", [((0, 1), "high: 1"), ((1, 2, 3), "high: 2 or more")])
def test_flips_say_from_which_value_on_an_item_is_high(browser, tmp_path, values, said):
    paths = write_results(tmp_path)
    rows = pd.read_parquet(paths.items("lucky52", "full"))
    rows["value"] = [float(values[(7 * number) % 11 % len(values)]) for number in range(len(rows))]
    rows.to_parquet(paths.items("lucky52", "full"))
    assert drawn(browser, paths, tmp_path, "flips", "made=real")["legend"] == said


def test_what_flips_point_to_when_they_have_no_items_is_in_the_page(browser, tmp_path):
    paths = write_results(tmp_path)
    page = tmp_path / "page.html"
    page.write_text(build_page(read_studies(paths), paths)[0], encoding="utf-8")
    window = visit(browser)
    window.go(page, "view=flips&made=real&evaluation=asked@hub")
    said = re.search("see “(.+)” at its end", window.text("#chart"))[1]
    assert said in window.text("footer h2")
    window.page.close()
