"""Build the explorer: one HTML file that opens from disk without a network. `polytune build-explorer`."""

from __future__ import annotations

import html
import json
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.config.given import Given
from polytune.config.paths import Paths
from polytune.errors import InputError
from polytune.explorer.columns import pack
from polytune.explorer.items import build_items
from polytune.explorer.library import compile_charts, javascript, version
from polytune.explorer.outlines import build_outlines
from polytune.explorer.scores import build_languages, build_runs, build_scores, build_similarities, describe_measures
from polytune.explorer.tables import StudyTables, read_studies
from polytune.explorer.texts import build_texts
from polytune.files import write_text
from polytune.provenance import provenance

FOLDER = Path(__file__).parent
SCRIPTS = ("data", "state", "select", "charts", "details", "grid", "against", "map", "pairs", "flips", "texts", "page")
"""The scripts of the page in the order in which they stand in it; they share one module."""
LARGEST = 5_000_000
"""Bytes of the page; answers and items that do not fit are left out, and the page says which."""
ITEMS = 0.45
"""Share of what scores and library leave that items may take; texts have the rest."""


def build_page(studies: list[StudyTables], paths: Paths, largest: int = LARGEST) -> tuple[str, list[str]]:
    """Return the page and what had to be left out of it, sentence by sentence.

    Raises `InputError` if scores and library alone are more than `largest` bytes.
    """
    runs, scores = build_runs(studies, paths), build_scores(studies)
    spoken = {code for run in runs for code in run["languages"]} | set(scores["language"]["names"]) - {""}
    languages = build_languages(sorted(spoken))
    outlines, said = build_outlines()
    core = {
        "results": paths.results,
        "studies": [
            {"study": one.study, "scale": one.scale, "again": make_again(one.study, one.scale, paths)}
            for one in studies
        ],
        "runs": runs,
        "scores": scores,
        "measures": describe_measures(scores["measure"]["names"]),
        "languages": languages,
        "similarities": build_similarities(paths, [language["code"] for language in languages]),
        "outlines": outlines,
        "provenance": {**provenance("pandas", "pyarrow"), "library": version()},
    }
    charts = compile_charts()
    parts = {"core": pack(core), "items": "", "texts": ""}
    room = largest - len(assemble(charts, parts, 0, said).encode("utf-8")) - 20_000  # for what is said
    if room < 0:
        raise InputError(
            f"the explorer of {len(studies)} studies is {-room:,} bytes too large: name some, as --study "
            f"{studies[0].study}/{studies[0].scale}"
        )
    items, about_items = build_items(studies, runs, int(room * ITEMS))
    parts["items"] = pack(items)
    texts, about_texts = build_texts(studies, runs, paths, room - len(parts["items"]))
    parts["texts"] = pack(texts)
    said += about_items + about_texts
    return assemble(charts, parts, len(studies), said), said


def make_again(study: str, scale: str, paths: Paths) -> str:
    """Return the command line that makes results of a study again, up to their paths.

    It names the study: a result may be of none that `config/config.yaml` lists.
    """
    values = [f"studies=[{study}]", f"scale={scale}"]
    if paths.results != Paths().results:
        values.append(f"storage={{results: {json.dumps(paths.results, ensure_ascii=False)}}}")
    return Given(values=values).call("--profile", "profiles/local")


def assemble(charts: dict[str, dict], parts: dict[str, str], studies: int, said: list[str]) -> str:
    """Return the page with style, scripts, library and data inside."""
    page = _read("page.html")
    scripts = "\n".join(_read(f"scripts/{name}.js") for name in SCRIPTS)
    filled = {
        "STYLE": _read("style.css"),
        "LIBRARY": inline_script(javascript()),
        "CHARTS": inline_json(charts),
        "LEFT_OUT": "".join(f"<li>{html.escape(line)}</li>" for line in said) or "<li>nothing</li>",
        "SCRIPTS": inline_script(scripts),
        **{name.upper(): text for name, text in parts.items()},
    }
    for name, text in filled.items():
        before, after = page.split(f"<!--{name}-->")
        page = before + text + after
    return page


def inline_script(script: str) -> str:
    """Return a script that can stand in a page: nothing in it ends the element or begins another."""
    return script.replace("</script", "<\\/script").replace("<!--", "<\\!--")


def inline_json(value: Any) -> str:
    """Return JSON that can stand in a page, whatever its texts are."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")).replace("<", "\\u003c")


def _read(name: str) -> str:
    return (FOLDER / name).read_text(encoding="utf-8")


def command(
    output: Annotated[Path, typer.Option(help="HTML file to write.")],
    results: Annotated[Path, typer.Option(help="Folder of results.")] = Path("results"),
    study: Annotated[list[str] | None, typer.Option(help="STUDY/SCALE to show, several times; default: all.")] = None,
) -> None:
    """Write one HTML file in which all results can be looked at, without a network."""
    paths = Paths(str(results))
    page, said = build_page(read_studies(paths, study or ()), paths)
    write_text(output, page)
    print(f"{output}: {len(page.encode('utf-8')):,} bytes")
    for line in said:
        print(f"left out: {line}")
