"""How large the explorer is and how fast it answers, in headless Chromium; and two libraries on one heatmap.

    PYTHONPATH=. python performance/explorer.py [--page FILE] [--plot NODE_MODULES]

Without `--page` a made-up page is measured: 2 bases x 57 runs, 52 languages, 2 benchmarks of 250 items (3 million), and
answers of 12 runs to 80 questions in 12 languages. `--plot` is a folder in which npm has installed @observablehq/plot
and d3: 52 x 57 cells are then drawn and redrawn by Vega-Lite, compiled beforehand as in the page, and by Plot.

Times are of the clock and, in brackets, of the processor (what the page's main thread used), which other work on the
machine does not lengthen.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from polytune.config.paths import Paths
from polytune.explorer.build import build_page, inline_script
from polytune.explorer.library import compile_charts, javascript
from polytune.explorer.tables import read_studies
from polytune.languages.codes import languages
from tests.cases.browser import Visit, open_browser, visit
from tests.cases.explorer_cases import write_answers, write_study

VIEWS = ("grid", "against", "map", "pairs", "flips", "texts")
REDRAWN = 8
TIMES = "performance.getEntriesByName('render').map(one => one.duration)"
CHANGE = """() => { const [box] = document.querySelectorAll('input[data-code]'); box.click() }"""
VEGA = """
let view;
async function draw(rows) {
  if (view) return view.data("rows", rows).runAsync();
  const chart = { ...CHART, width: 900, height: 700 };
  view = (await vegaEmbed("#c", chart, { mode: "vega", renderer: RENDERER, actions: false })).view;
  return view.data("rows", rows).runAsync();
}
"""
PLOT = """
async function draw(rows) {
  const y = { domain: [...new Set(rows.map((row) => row.line))] };
  const cells = Plot.cell(rows, { x: "column", y: "line", fill: "shown", tip: true });
  const color = { scheme: "viridis", legend: true };
  document.getElementById("c").replaceChildren(Plot.plot({ width: 1000, height: 760, y, color, marks: [cells] }));
}
"""
HARNESS = """
const painted = () => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 0)));
async function timed(number) {
  const rows = number % 2 ? ROWS.filter((row) => row.part) : [...ROWS].sort((a, b) => (a.turned < b.turned ? -1 : 1));
  const started = performance.now();
  await draw(rows);
  await painted();
  return performance.now() - started;
}
draw(ROWS).then(painted).then(() => { window.first = performance.now(); });
"""


class Clock:
    """The processor time of a page's main thread, milliseconds since the last look."""

    def __init__(self, window: Visit):
        self.session = window.page.context.new_cdp_session(window.page)
        self.session.send("Performance.enable", {"timeDomain": "threadTicks"})
        self.last = 0.0
        self.passed()

    def passed(self) -> float:
        metrics = self.session.send("Performance.getMetrics")["metrics"]
        now = next(one["value"] for one in metrics if one["name"] == "TaskDuration")
        passed, self.last = 1000 * (now - self.last), now
        return passed


def said(times: list[float], used: list[float]) -> str:
    """Return median and slowest of both clocks in words."""
    return (
        f"median {median(times):.0f} ms ({median(used):.0f} of the processor), "
        f"slowest {max(times):.0f} ms ({max(used):.0f})"
    )


def measure_page(browser: Any, file: Path) -> None:
    """Print size, time until the page can be used, and how long it takes to answer a language switched off or on."""
    print(f"{file.name}: {file.stat().st_size:,} bytes")
    ready, used = [], []
    for _ in range(5):
        window = visit(browser)
        clock = Clock(window)
        window.go(file)
        used.append(clock.passed())
        started = window.page.evaluate("performance.getEntriesByName('render')[0].startTime")
        ready.append(started + window.page.evaluate(TIMES)[0])
        window.page.close()
    print(f"first drawn after the navigation: {said(ready, used)}")
    for name in VIEWS:
        window = visit(browser)
        window.go(file, f"view={name}")
        clock, used = Clock(window), []
        for _ in range(REDRAWN):
            clock.passed()
            window.act(CHANGE)
            used.append(clock.passed())
        print(f"{name:8} a language off or on: {said(window.page.evaluate(TIMES)[1:], used)}")
        print(*window.faults, sep="\n", end="")
        window.page.close()


def write_made(folder: Path) -> Path:
    """Write a made-up page of the size of real studies."""
    paths = Paths(str(folder / "results"))
    spoken = list(languages())[:52]
    mixtures = [f"incremental-{size:02}-all" for size in range(1, 53)]
    for number, base in enumerate(("one", "two")):
        study, benchmarks = f"lucky52-{base}", ("xcopa", "xwinograd")
        write_study(paths, study, "full", base, "", range(1, 57), spoken, 250, benchmarks, number)
    write_answers(paths, "full", "one", ["none", *mixtures[::5]], 80, spoken[:12], study="lucky52-one")
    page, left_out = build_page(read_studies(paths), paths)
    print("\n".join(left_out))
    file = folder / "made-up.html"
    file.write_text(page, encoding="utf-8")
    return file


def measure_libraries(browser: Any, modules: Path, folder: Path) -> None:
    """Print first drawing and redrawing of 52 x 57 cells."""
    values = np.random.default_rng(1).random((52, 57))
    rows = [
        {"line": f"language {i:02}", "column": f"mixture {j:02}", "shown": values[i, j], "part": i % 7 > 0}
        | {"turned": i * 7 % 52}
        for i in range(52)
        for j in range(57)
    ]
    scripts = [modules / name for name in ("d3/dist/d3.min.js", "@observablehq/plot/dist/plot.umd.min.js")]
    plot = "\n".join(script.read_text(encoding="utf-8") for script in scripts)
    chart = f"const CHART = {json.dumps(compile_charts()['grid'])};"
    variants = {
        "Vega-Lite, canvas": (javascript(), f'{chart} const RENDERER = "canvas";{VEGA}'),
        "Vega-Lite, svg": (javascript(), f'{chart} const RENDERER = "svg";{VEGA}'),
        "Observable Plot": (plot, PLOT),
    }
    for name, (library, script) in variants.items():
        parts = [inline_script(library), f"const ROWS = {json.dumps(rows)};{inline_script(script)}{HARNESS}"]
        file = folder / f"{name}.html"
        body = "".join(f"<script>{part}</script>" for part in parts)
        file.write_text(f'<!doctype html><meta charset="utf-8"><div id="c"></div>{body}', encoding="utf-8")
        window = visit(browser)
        clock = Clock(window)
        window.page.goto(file.as_uri())
        window.page.wait_for_function("window.first !== undefined")
        start = clock.passed()
        times, used = [], []
        for number in range(REDRAWN):
            times.append(window.page.evaluate(f"timed({number})"))
            used.append(clock.passed())
        first = window.page.evaluate("window.first")
        print(
            f"{name:18} {file.stat().st_size:,} bytes, first {first:.0f} ms ({start:.0f}), redrawn: {said(times, used)}"
        )
        window.page.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--page", type=Path, help="an explorer to measure; default: a made-up one")
    parser.add_argument("--plot", type=Path, help="node_modules with @observablehq/plot and d3")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        if given.plot:
            measure_libraries(browser, given.plot.resolve(), Path(folder))
        else:
            measure_page(browser, given.page.resolve() if given.page else write_made(Path(folder)))


if __name__ == "__main__":
    main()
