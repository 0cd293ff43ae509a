"""Kinds of figures and tables: documented as they are, checked when planning, cheap to import."""

import dataclasses
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

from polytune import ROOT
from polytune.analysis.asked import caption
from polytune.analysis.choices import RUN_COORDINATES, SCORE_COORDINATES, Choice, Contrast, Layout
from polytune.analysis.measures import MEASURES
from polytune.config.kinds import Kind, check_kind
from polytune.config.settings import load_study
from polytune.errors import InputError
from polytune.figures.kinds import FIGURES
from polytune.tables.kinds import TABLES
from polytune.tables.reference import MEANINGS, PAGE, render

EVERY = [*(("draw", name) for name in FIGURES), *(("build", name) for name in TABLES)]
GIVEN = {"scores", "runs", "items", "context", "similarity", "published_folder"}
GIVEN |= {"checks", "confusion", "responders", "vectors"}
ALLOWED = {
    "Evaluation": ["xcopa", "xwinograd"],
    "Language": ["en", "th", "ko"],
    "Measure": list(MEASURES),
    "Coordinate": [*RUN_COORDINATES, *SCORE_COORDINATES, "percent", "k", "features"],
    "Published": ["lucky52-xcopa.csv"],
    "Family": ["incremental"],
    "Base": ["bloom-7b1"],
    "Method": ["full", "lora"],
    "Mixture": ["none"],
}


def kind_of(key, name):
    return {"draw": FIGURES, "build": TABLES}[key][name]


def test_the_page_is_written_from_the_kinds():
    text = render()
    assert text == PAGE.read_text(), "run 'polytune write-reference' and commit docs/figures.md"
    for _, name in EVERY:
        assert f"| `{name}` |" in text
    for measure in MEASURES:
        assert f"| `{measure}` |" in text
    options = [field.name for group in (Choice, Contrast, Layout) for field in dataclasses.fields(group)]
    assert set(MEANINGS) == set(options)


@pytest.mark.parametrize(("key", "name"), EVERY)
def test_a_kind_asks_only_for_what_it_is_given_and_its_options_are_typed(key, name):
    kind = kind_of(key, name)
    assert set(kind.needs) <= GIVEN and {"runs", "context"} <= set(kind.needs)
    for option in kind.options:
        assert kind.hint(option) is not inspect.Parameter.empty
        assert option in render(), option


@pytest.mark.parametrize(("key", "name"), EVERY)
def test_captions_name_only_options(key, name):
    content = {
        "study": "s", "scale": "world", "worlds": ["w1"], "name": "x", "defaults": {}, "languages": {},
        "spec": {key: name} | {option: value for option, value in (("benchmark", "xcopa"), ("benchmarks", ["xcopa"]),
                                                                   ("exposure", "tuning"), ("reference", "base"),
                                                                   ("groups", {"all": ["en"]}), ("shares", "x.csv"))
                               if option in kind_of(key, name).options},
        "evaluations": [{"name": "xcopa", "origin": "world", "parallel": True,
                         "benchmark": {"benchmark": "xcopa", "title": "XCOPA", "chance": 0.5}}],
    }  # fmt: skip
    text = caption({**FIGURES, **TABLES}, key, content)
    assert "{" not in text and "None" not in text and text[0].isupper() and "Generated world w1" in text


def test_a_caption_says_of_marks_what_the_figure_has():
    """Of a map and a t-SNE neither intervals nor runs, of lines both."""
    content = {"study": "s", "scale": "full", "worlds": [], "name": "x", "defaults": {}, "languages": {}}
    content |= {"evaluations": [{"name": "xcopa", "origin": "hub", "parallel": True,
                                 "benchmark": {"benchmark": "xcopa", "title": "XCOPA", "chance": 0.5}}]}  # fmt: skip
    for name in ("language_map", "language_vectors"):
        text = caption(FIGURES, "draw", content | {"spec": {"draw": name}})
        assert "Grey dots: all others. The plotted numbers are in the csv file beside it." in text
        assert not re.search("95 %|ashed|[Bb]and|[Bb]ars|runs", text)
    text = caption(FIGURES, "draw", content | {"spec": {"draw": "values", "benchmarks": ["xcopa"]}})
    assert "95 % intervals. Dashed, where there is one: the untuned base model." in text and "results of runs." in text
    assert all(kind.marks.endswith(".") for kind in FIGURES.values())


def test_a_caption_says_what_the_options_choose():
    content = {
        "study": "s", "scale": "full", "worlds": [], "name": "x", "defaults": {}, "languages": {},
        "spec": {"draw": "values", "benchmarks": ["xcopa"], "measure": "bits_per_byte", "against": "k"},
        "evaluations": [{"name": "xcopa", "origin": "hub", "parallel": True,
                         "benchmark": {"benchmark": "xcopa", "title": "XCOPA", "chance": 0.5}}],
    }  # fmt: skip
    text = caption(FIGURES, "draw", content)
    assert text.startswith(
        "Bits per byte of the right choice against number of clusters (k), in XCOPA, a panel for each benchmark."
    )
    assert "enerated world" not in text and "base:" not in text
    of_one = content | {"spec": content["spec"] | {"bases": ["bloom-7b1"]}}
    assert "a panel for each benchmark; base: bloom-7b1." in caption(FIGURES, "draw", of_one)


@pytest.mark.parametrize(
    ("key", "spec", "words"),
    [
        ("draw", {"draw": "valeus", "benchmarks": ["xcopa"]}, ["draw is 'valeus'", "did you mean 'values'"]),
        ("draw", {"draw": "values"}, ["needs the option 'benchmarks'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcop"]}, [".benchmarks[0]", "did you mean 'xcopa'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "measure": "ac"}, [".measure", "did you mean 'acc'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "agains": "k"}, ["'agains'", "did you mean 'against'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "against": "percnt"}, ["did you mean 'percent'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "by": "metod"}, [".by", "did you mean 'method'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "over": "k"}, [".over", "expected a list"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "over": ["kk"]}, [".over[0]"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "bases": ["bloom"]}, ["did you mean 'bloom-7b1'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "methods": ["ful"]}, ["did you mean 'full'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "families": ["incremntal"]}, ["mean 'incremental'"]),
        ("draw", {"draw": "values", "benchmarks": ["xcopa"], "origin": "huub"}, ["did you mean 'hub'"]),
        ("draw", {"draw": "language_accuracy", "benchmark": "xcopa", "exposure": "tuned"}, ["mean 'tuning'"]),
        ("draw", {"draw": "language_accuracy", "benchmark": "xcopa", "languages": ["tt"]}, [".languages[0]", "tt"]),
        ("build", {"build": "similarity_correlation", "benchmark": "xcopa", "outlier": "kk"}, [".outlier", "'kk'"]),
        ("build", {"build": "similarity_correlation", "benchmark": "xcopa", "value": "q"}, [".value"]),
        ("build", {"build": "similarity_correlation", "benchmark": "xcopa", "published": "lucky52-xcop.csv"},
         [".published", "did you mean 'lucky52-xcopa.csv'"]),
        ("build", {"build": "transfer", "close": "near"}, [".close", "expected a number"]),
        ("build", {"build": "values", "columns": "languages"}, [".columns", "did you mean 'language'"]),
    ],
)  # fmt: skip
def test_every_misspelt_word_is_found_when_planning(key, spec, words):
    with pytest.raises(InputError) as error:
        check_kind({"draw": FIGURES, "build": TABLES}[key], key, spec, "s.yaml: figures.x", ALLOWED)
    for word in ["s.yaml: figures.x", *words]:
        assert word in str(error.value)


def test_right_words_pass():
    check_kind(
        TABLES, "build", {"build": "similarity_correlation", "benchmark": "xcopa", "outlier": "ko"}, "x", ALLOWED
    )
    check_kind(TABLES, "build", {"build": "similarity_correlation", "benchmark": "xcopa", "outlier": ""}, "x", ALLOWED)
    spec = {"draw": "values", "benchmarks": ["xcopa"], "against": "k", "by": "features", "over": ["seed"]}
    kind = check_kind(FIGURES, "draw", spec, "x", ALLOWED)
    arguments = kind.arguments({name: value for name, value in spec.items() if name != "draw"})
    assert arguments == {
        "benchmarks": ["xcopa"],
        "choice": Choice(),
        "layout": Layout(against="k", by="features", over=["seed"]),
    }


def test_planning_imports_nothing_heavy():
    code = (
        "import sys; from polytune.figures.kinds import FIGURES; from polytune.tables.kinds import TABLES\n"
        "options = [kind.options for kind in (*FIGURES.values(), *TABLES.values())]\n"
        "heavy = ('numpy', 'pandas', 'scipy', 'pyarrow', 'matplotlib')\n"
        "print(len(options), *(name for name in heavy if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [str(len(EVERY))]


def test_nothing_of_scores_and_figures_reads_the_configuration():
    read = []
    for package in ("scores", "analysis", "figures", "tables"):
        for path in (ROOT / "src" / "polytune" / package).glob("*.py"):
            text = path.read_text()
            read += [path.name for word in ("config.settings", "config.benchmarks", "config.bases", "languages.codes")
                     if f"polytune.{word}" in text]  # fmt: skip
    assert read == []
    assert Path(PAGE).is_file()


def test_the_study_has_every_figure_and_table_of_the_paper():
    study = load_study("lucky52")
    assert [name for name in study["figures"] if name.startswith("fig")] == [
        *(f"fig1{letter}" for letter in "abcd"),
        *(f"fig2{letter}" for letter in "ab"),
        *(f"fig3{letter}" for letter in "abcdefg"),
        *(f"fig4{letter}" for letter in "ab"),
    ]
    assert {spec["draw"] for spec in study["figures"].values()} <= set(FIGURES)
    assert {"table1", "table2", "table3"} <= set(study["tables"])
    assert {spec["build"] for spec in study["tables"].values()} <= set(TABLES)


def test_a_dataclass_stands_for_its_options():
    kind = Kind("polytune.figures.values:draw_values", ("scores", "runs", "context", "items", "published_folder"), "")
    assert list(kind.options)[:3] == ["bases", "methods", "families"] and list(kind.groups) == ["choice", "layout"]
    assert kind.options["against"].default == "n_languages"
