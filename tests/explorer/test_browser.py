"""The explorer in a browser: what a person does with it, and that it never speaks to the network."""

from __future__ import annotations

import re
import shutil
import subprocess
import tarfile
from pathlib import Path
from urllib.parse import parse_qs, urlparse

import pandas as pd
import pytest

from polytune.explorer import build
from polytune.explorer.build import build_page
from polytune.explorer.tables import read_studies
from tests.cases.browser import open_browser, visit
from tests.cases.explorer_cases import HOSTILE, LANGUAGES, write_results

VIEWS = ("grid", "against", "map", "pairs", "flips", "texts")
REAL, WORLD = "view=grid&made=real", "view=grid&made=world"
CODES = {"English": "en", "German": "de", "Chinese": "zh", "Swahili": "sw", "Thai": "th"}
CELLS = "rows => rows.map(row => [...row.cells].map(cell => cell.textContent))"
AXE = "axe-core@4.14.1"


@pytest.fixture(scope="module")
def paths(tmp_path_factory):
    return write_results(tmp_path_factory.mktemp("results"))


@pytest.fixture(scope="module")
def file(paths, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "explorer.html"
    path.write_text(build_page(read_studies(paths), paths)[0], encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def window(browser):
    window = visit(browser)
    yield window
    assert window.faults == []
    window.page.close()


def shown_runs(window) -> list[str]:
    """Return the runs of the rows below the chart."""
    return window.page.eval_on_selector_all("#body td:nth-child(5)", "cells => cells.map(cell => cell.textContent)")


def test_every_view_is_drawn_from_disk_alone(window, file):
    window.go(file, REAL)
    for made in ("real", "world"):
        if made == "world":
            window.act("() => document.querySelector('[name=made][value=world]').click()")
        for view in VIEWS:
            window.view(view)
            drawn = window.page.evaluate("document.querySelector('#chart canvas, #chart article, #chart p') !== null")
            assert drawn and window.text("#banner"), (made, view)
    window.go(file, "view=pairs&pairs=runs&made=real")
    assert window.rows() == 3 * 3  # the untuned base and two mixtures


def test_a_filter_changes_the_shown_rows(window, file):
    window.go(file, "study=lucky52/world&made=world")
    assert window.rows() == 4 * len(LANGUAGES)
    window.act("() => document.querySelector('input[data-code=de]').click()")
    assert window.rows() == 4 * (len(LANGUAGES) - 1)
    assert "German" not in window.text("#body")
    window.act("() => document.querySelector('#all-off').click()")
    assert window.rows() == 0 and "Nothing was measured" in window.text("#chart")
    window.act("() => document.querySelector('#all-on').click()")
    assert window.rows() == 4 * len(LANGUAGES)


def test_world_and_real_are_never_in_one_chart(window, file):
    for address, ours, theirs in ((WORLD, "world-bloom", "bloom-560m"), (REAL, "bloom-560m", "world-bloom")):
        window.go(file, address)
        for view in ("grid", "against", "map"):
            window.view(view)
            place = 6 if view == "against" else 5
            cells = f"#body td:nth-child({place})"
            runs = window.page.eval_on_selector_all(cells, "cells => cells.map(cell => cell.textContent)")
            assert runs and all(run.startswith(ours) for run in runs), (address, view)
        said = window.text("#banner")
        assert ("say nothing about real languages" in said) == (ours == "world-bloom")
        studies = window.page.eval_on_selector_all("#choose-study option", "all => all.map(one => one.value)")
        assert studies == ["lucky52/world" if ours == "world-bloom" else "lucky52/full"]
        assert theirs not in window.text("#body")
    # an address that asks for a study of the other kind gets none of it
    window.go(file, "made=real&study=lucky52/world")
    assert all(run.startswith("bloom-560m") for run in shown_runs(window))


def test_the_address_brings_the_state_back(browser, window, file):
    window.go(file, WORLD)
    window.choose("sort", "script")
    window.act("() => document.querySelector('input[data-code=sw]').click()")
    window.view("against")
    window.choose("x", "size")
    window.choose("colour", "exposure")
    address = window.page.url
    chosen = parse_qs(urlparse(address).fragment)
    assert chosen["off"] == ["sw"] and chosen["view"] == ["against"] and chosen["x"] == ["size"]
    other = visit(browser)
    other.go(file, urlparse(address).fragment)
    for name in ("x", "sort", "colour", "study", "measure"):
        value = f"document.getElementById('choose-{name}').value"
        assert other.page.evaluate(value) == window.page.evaluate(value), name
    assert other.rows() == window.rows() > 0 and other.text("#body") == window.text("#body")
    assert other.faults == []
    other.page.close()
    window.act("() => history.back()")
    assert window.page.evaluate("document.querySelector('#views [aria-current]').value") == "grid"


STATE = ("view", "made", "study", "base", "method", "seed", "family", "evaluation", "measure", "sort", "colour", "x",
         "lines", "show", "pairs", "similarity", "run", "a", "b", "off", "language", "theme")  # fmt: skip
NONSENSE = ("bogus", "toString", "__proto__", "constructor", "en.toString", "")


def test_nonsense_in_the_address_counts_as_not_said(window, file):
    script = Path(build.__file__).with_name("scripts") / "state.js"
    keys = re.findall(
        r"^  (\w+): \"", script.read_text().partition("DEFAULTS")[2].partition("}")[0], flags=re.MULTILINE
    )
    assert {*keys} == {*STATE, "q"}  # a key that is new stands here, too
    for view in VIEWS:
        window.go(file, f"view={view}")
        plain = window.text("#body")
        for nonsense in NONSENSE:
            others = "&".join(f"{key}={nonsense}" for key in STATE if key != "view")
            window.go(file, f"view={view}&{others}")
            assert window.text("#body") == plain and "=bogus" not in window.page.url, (view, nonsense)
    window.go(file)
    plain = window.text("#body")
    for key in STATE:
        for nonsense in ("bogus", "__proto__"):
            window.go(file, f"{key}={nonsense}")
            assert nonsense not in window.page.url and window.text("#body") == plain, (key, nonsense)


def test_sorting_goes_by_family_script_and_exposure(window, file):
    window.go(file, f"{WORLD}&study=lucky52/world")

    def order() -> list[str]:
        first = "cells => [...new Set(cells.map(cell => cell.textContent))]"
        return window.page.eval_on_selector_all("#body td:first-child", first)

    assert order() == ["Swahili", "English", "German", "Chinese", "Thai"]  # Atlantic-Congo, Indo-European, ...
    window.choose("sort", "script")
    assert order() == ["Chinese", "Swahili", "English", "German", "Thai"]  # Hans, Latn, Thai
    window.choose("sort", "exposure")
    assert order() == ["English", "Swahili", "German", "Chinese", "Thai"]  # both, tuning, neither


def test_differences_are_to_the_untuned_base_of_the_same_language(window, file, paths):
    window.go(file, f"{REAL}&show=difference")
    table = pd.read_parquet(paths.scores("lucky52", "full")).query("measure == 'acc' and aggregate == ''")
    values = table.set_index(["run", "language"])["value"]
    rows = window.page.eval_on_selector_all("#body tr", CELLS)
    assert len(rows) == 2 * len(LANGUAGES)
    for language, _, _, _, run, difference, *_ in rows:
        untuned = values["bloom-560m/base/none/seed0", CODES[language]]
        assert float(difference) == pytest.approx(values[run, CODES[language]] - untuned, abs=1e-5)


def test_a_point_tells_its_run_and_the_command_that_makes_it_again(window, file, paths):
    window.go(file, WORLD)
    box = window.page.locator("#chart canvas").bounding_box()
    # somewhere in the middle of the heatmap
    window.page.mouse.click(box["x"] + box["width"] * 0.75, box["y"] + box["height"] * 0.45)
    window.page.wait_for_function("!document.getElementById('run').hidden")
    assert window.text("#run-name").startswith("world-bloom-w1/")
    # and with the keyboard alone
    window.page.locator("#body button").last.focus()
    window.page.keyboard.press("Enter")
    run = "world-bloom-w1/full/world-w1-incremental-04-all/seed1"
    assert window.text("#run-name") == run
    assert window.page.evaluate("document.activeElement.id") == "run-name"
    said = window.text("#run")
    commands, root = window.text("#commands").splitlines(), paths.results
    for path in (paths.evaluation(run, "world", "xcopa"), paths.model_marker(run)):
        again = "snakemake --profile profiles/local --config 'studies=[lucky52]' scale=world"
        again += f" 'storage={{results: \"{root}\"}}' --"
        assert f"{again} {path}" in commands
    assert "c" * 40 in said and "a" * 64 in said and "generated world w1: tells nothing of real languages" in said


@pytest.mark.parametrize("tuned_on", [("en", "de"), ("en", "en")], ids=["a run each", "two runs of one language"])
def test_mixtures_of_one_language_make_a_heatmap_of_tuned_on_and_asked_in(tuned_on, browser, tmp_path):
    other = write_results(tmp_path)
    path = other.runs_table("lucky52", "full")
    table = pd.read_parquet(path)  # the two mixtures become ones of a single language
    table.assign(n_languages=[0, 1, 1], languages=[[], *([code] for code in tuned_on)]).to_parquet(path)
    page = tmp_path / "page.html"
    page.write_text(build_page(read_studies(other), other)[0], encoding="utf-8")
    window = visit(browser)
    window.go(page, "view=pairs&made=real")
    assert window.page.evaluate("document.getElementById('choose-pairs').value") == "transfer"
    rows = window.page.eval_on_selector_all("#body tr", CELLS)
    scores = pd.read_parquet(other.scores("lucky52", "full")).query("measure == 'acc' and aggregate == ''")
    mixtures = ("bloom-560m/full/incremental-01-all/seed1", "bloom-560m/full/incremental-04-all/seed1")
    tuned = scores.assign(tuned=scores["run"].map(dict(zip(mixtures, tuned_on, strict=True)))).dropna(subset="tuned")
    values = tuned.groupby(["tuned", "language"])["value"].mean()
    assert len(rows) == len(values) == len(set(tuned_on)) * len(LANGUAGES)  # one cell each, never one above another
    for shown, asked, value, note in rows:
        assert float(value) == pytest.approx(values[CODES[shown], CODES[asked]], rel=1e-5)
        assert (note == "mean of 2 runs") == (len(set(tuned_on)) == 1)
    assert window.faults == []
    window.page.close()


def test_mixtures_of_two_languages_make_a_heatmap_of_pairs(browser, tmp_path):
    other = write_results(tmp_path)
    path = other.runs_table("lucky52", "full")
    pairs = [["en", "de"], ["zh", "de"]]
    pd.read_parquet(path).assign(n_languages=[0, 2, 2], languages=[[], *pairs]).to_parquet(path)
    page = tmp_path / "page.html"
    page.write_text(build_page(read_studies(other), other)[0], encoding="utf-8")
    window = visit(browser)
    window.go(page, "view=pairs&pairs=together&made=real")
    rows = window.page.eval_on_selector_all("#body tr", CELLS)
    scores = pd.read_parquet(other.scores("lucky52", "full")).query("measure == 'acc' and aggregate == 'mean'")
    means = scores.set_index("run")["value"]
    mixtures = ("bloom-560m/full/incremental-01-all/seed1", "bloom-560m/full/incremental-04-all/seed1")
    found = {(CODES[one], CODES[two]): float(value) for one, two, value, _ in rows}
    for mixture, (one, two) in zip(mixtures, pairs, strict=True):
        assert found[one, two] == found[two, one] == pytest.approx(means[mixture], rel=1e-5)
    assert len(found) == len(rows) == 4
    assert window.faults == []
    window.page.close()


def test_flips_are_those_of_the_table(window, file, paths):
    window.go(file, "view=flips&made=real")
    table = pd.read_parquet(paths.items("lucky52", "full")).set_index(["language", "item", "run"])["value"].unstack()
    base, tuned = "bloom-560m/base/none/seed0", "bloom-560m/full/incremental-04-all/seed1"
    rows = window.page.eval_on_selector_all("#body tr", CELLS)
    assert len(rows) == len(LANGUAGES)
    for name, both, different, first, second, _ in rows:
        one, other = table.loc[CODES[name], base], table.loc[CODES[name], tuned]
        assert [int(both), int(different), int(first), int(second)] == [
            len(one), (one != other).sum(), (one > other).sum(), (one < other).sum()
        ]  # fmt: skip


def test_answers_and_verdicts_stand_side_by_side_and_are_searched(window, file):
    window.go(file, "view=texts&made=real&evaluation=asked@hub&language=all")
    assert window.rows() == 12 and HOSTILE in window.text("#chart")
    assert window.page.evaluate("window.harmed") is None and window.page.query_selector("#chart img") is None
    sides = "document.querySelector('#chart article').querySelectorAll('section').length"
    assert window.page.evaluate(sides) == 2 and "rated 2 (exact, rating-3)" in window.text("#chart article")
    said = window.page.eval_on_selector_all(
        "#chart article:first-of-type section", "all => all.map(one => one.textContent)"
    )
    assert "preferred (exact, side-by-side, first seat): The untuned one." in said[0]
    assert "the other is preferred (exact, side-by-side, second seat): The untuned one." in said[1]
    window.act("() => { const box = document.getElementById('choose-q'); box.value = 'INCREMENTAL #3'; "
               "box.dispatchEvent(new Event('input')) }")  # fmt: skip
    assert window.rows() == 2 and "Question 3?" in window.text("#chart article")
    assert "q=INCREMENTAL+%233" in window.page.url


def test_a_telephone_and_a_dark_screen(browser, file, tmp_path):
    for dark in (False, True):
        window = visit(browser, 390, 844, dark)
        for view in VIEWS:
            window.go(file, f"view={view}&made=real&evaluation={'asked@hub' if view == 'texts' else 'xcopa@hub'}")
            wide = window.page.evaluate("document.documentElement.scrollWidth")
            assert wide <= 390, view
            window.page.screenshot(path=tmp_path / f"{view}-{'dark' if dark else 'light'}.png", full_page=True)
        paper = window.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (paper == "rgb(20, 23, 27)") == dark
        assert window.faults == []
        window.page.close()


def test_a_filter_is_answered_at_once(window, file):
    window.go(file, WORLD)
    for name in ("name", "script", "family", "exposure"):
        window.choose("sort", name)
    times = window.page.evaluate("performance.getEntriesByName('render').slice(1).map(one => one.duration)")
    assert len(times) == 4 and min(times) < 500  # some 20 ms where nothing else runs: performance/explorer.py


@pytest.fixture(scope="module")
def axe(tmp_path_factory) -> str:
    """The script of axe-core, from npm."""
    if shutil.which("npm") is None:
        pytest.skip("npm is not installed, axe-core cannot be fetched")
    folder = tmp_path_factory.mktemp("axe")
    call = ["npm", "pack", AXE, "--silent", "--pack-destination", str(folder)]
    try:
        done = subprocess.run(call, cwd=folder, capture_output=True, text=True, timeout=60, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip(f"npm did not answer within a minute; {AXE} cannot be fetched")
    packed = list(folder.glob("*.tgz"))
    if done.returncode or not packed:
        pytest.skip(f"{AXE} cannot be fetched: {done.stderr.strip()[:200]}")
    with tarfile.open(packed[0]) as archive:
        return archive.extractfile("package/axe.min.js").read().decode("utf-8")


@pytest.mark.parametrize("dark", [False, True])
def test_no_serious_accessibility_fault(browser, file, axe, dark):
    window = visit(browser, dark=dark)
    found = []
    for view in VIEWS:
        window.go(file, f"view={view}&made=real&evaluation={'asked@hub' if view == 'texts' else 'xcopa@hub'}")
        if button := window.page.query_selector("#body button"):
            button.click()
        window.page.evaluate(axe)
        violations = window.page.evaluate("axe.run().then(result => result.violations)")
        found += [
            f"{view}: {one['id']}: {node['html'][:120]}"
            for one in violations
            if one["impact"] in ("serious", "critical")
            for node in one["nodes"]
        ]
    assert found == []
    window.page.close()
