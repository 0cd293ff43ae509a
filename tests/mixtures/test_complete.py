"""Mixtures of complete rows: the ids whose answer a run would cut in one language are in none."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from polytune.data import tokens
from polytune.data.cutting import Lengths
from polytune.data.read import command as read_source
from polytune.data.templates import Template
from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.files import read_json
from polytune.mixtures.build import build_mixture, read_recipe
from polytune.mixtures.build import command as build_command
from polytune.mixtures.cut import count_taken
from polytune.mixtures.families import expand_family
from polytune.mixtures.manifest import Mixture

LONGEST = 30
WORDS = {"en": lambda i: 5, "zh": lambda i: 40 if i % 4 == 0 else 5, "af": lambda i: 40 if i % 10 == 1 else 5}
CUT = {f"id-{i}" for i in range(100) if i % 4 == 0 or i % 10 == 1}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three languages of 100 parallel rows, read and tokenised; answers of some are longer than LONGEST tokens."""
    root = tmp_path_factory.mktemp("complete")
    (root / "data/toy").mkdir(parents=True)
    tokenizer = SimpleNamespace(backend=None, highest_token_id=9, eos_token_id=2, digest="", encode=None)
    template = Template("plain", "{instruction} {input} ", "{instruction} ", "{output}")
    for code, words in WORDS.items():
        rows = [{"id": f"id-{i}", "instruction": "say it", "input": "", "output": "x " * words(i)} for i in range(100)]
        (root / f"{code}.json").write_text(json.dumps(rows))
        stem = root / "data/toy" / code
        read_source(
            root / f"{code}.json", "bactrian-x", stem.with_suffix(".parquet"), root / f"data/toy/{code}.report.json"
        )
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(tokens, "encode_rows", count_words)
            patch.setattr(tokens, "read_pieces", lambda backend: None)
            digest = read_json(root / f"data/toy/{code}.report.json")["digest"]
            store = root / "tokens/words" / "toy" / code
            tokens.tokenize(stem.with_suffix(".parquet"), tokenizer, template, False, store, digest)
    return root


def count_words(prompts, responses, *_):
    """A token is a word, and one end of sequence."""
    sizes = [
        (len(prompt.split()), len(response.split()) + 1) for prompt, response in zip(prompts, responses, strict=True)
    ]
    prompt_sizes, answers = np.array(sizes).T
    return np.ones((prompt_sizes + answers).sum(), np.uint32), prompt_sizes + answers, prompt_sizes


def build(folder, family="parallel", languages=("en", "zh", "af"), **options):
    given = {"family": family, "source": "toy", "languages": list(languages), "complete_rows": True, **options}
    [recipe] = expand_family("mix", given, ["en", "zh", "af"], "study.yaml: mixtures.mix")
    lengths = {"tokens": "words", "max_length_tokens": LONGEST, "max_source_length_tokens": None}
    return build_mixture(replace(recipe, complete_for=(lengths,)), folder / "data", tokens=folder / "tokens")


def ids_of(mixture, folder):
    """The ids of each part's rows."""
    found = {}
    for part in mixture.parts:
        store = TokenStore(folder / "tokens/words/toy" / part.language)
        rows = json.loads((folder / f"{part.language}.json").read_text())
        found[part.language] = [rows[number]["id"] for number in mixture.select(part, store.keys)]
    return found


def build_family(folder, complete_rows, **amount):
    """English, then English and Chinese, then all three: the mixtures that an incremental family grows by."""
    options = {"order": ["en", "zh", "af"], "sizes": [1, 2, 3], "complete_rows": complete_rows, **amount}
    given = {"family": "incremental", "source": "toy", **options}
    lengths = {"tokens": "words", "max_length_tokens": LONGEST, "max_source_length_tokens": None}
    recipes = expand_family("mix", given, ["en", "zh", "af"], "study.yaml: mixtures.mix")
    recipes = [replace(recipe, complete_for=(lengths,)) for recipe in recipes]
    return recipes, [build_mixture(recipe, folder / "data", tokens=folder / "tokens") for recipe in recipes]


@pytest.mark.parametrize("complete_rows", [True, "family"])
def test_growing_mixtures_stay_nested_where_the_family_decides_what_is_complete(folder, complete_rows):
    recipes, mixtures = build_family(folder, complete_rows, rows=30)
    questions = [set(ids_of(mixture, folder)["en"]) for mixture in mixtures]
    assert all(len(ids) == 30 for ids in questions)
    assert [bool(ids & CUT) for ids in questions] == [complete_rows is True] * 2 + [False]
    assert (questions[0] == questions[1] == questions[2]) is (complete_rows == "family")
    names = [recipe.name for recipe in recipes]
    ending = "30-rows-complete" + ("-in-mix" if complete_rows == "family" else "")
    assert names == [f"toy-en-{ending}", f"toy-mix-2-{ending}", f"toy-mix-3-{ending}"]
    stores = [{language for _, _, language in recipe.needed_stores} for recipe in recipes]
    assert stores == [{"en", "zh", "af"}] * 3 if complete_rows == "family" else [{"en"}, {"en", "zh"}, {*WORDS}]


def test_a_budget_of_a_family_is_nested_too(folder):
    _, mixtures = build_family(folder, "family", total_rows=60)
    questions = [set(ids_of(mixture, folder)["en"]) for mixture in mixtures]
    assert [len(ids) for ids in questions] == [60, 30, 20]
    assert questions[2] < questions[1] < questions[0]
    assert mixtures[0].notes == (
        f"{len(CUT)} ids are left out in every language of the family, since an answer is cut at 30 tokens: "
        "zh 25, af 10",
    )


def test_what_was_not_asked_for_is_in_no_spec(folder):
    (recipe, *_), _ = build_family(folder, True, rows=30)
    assert "complete_languages" not in recipe.content()
    (recipe, *_), (mixture, *_) = build_family(folder, "family", rows=30)
    assert recipe.content()["complete_languages"] == ("en", "zh", "af")
    file = folder / "spec.json"
    file.write_text(json.dumps({"mixture": recipe.name, "recipe": recipe.content()}))
    assert build_mixture(read_recipe(file), folder / "data", tokens=folder / "tokens") == mixture


@pytest.mark.parametrize("amount", [{"rows": "all"}, {"rows": 30}, {"share": 0.5}])
def test_the_same_ids_are_left_out_in_every_language(folder, amount, tmp_path):
    mixture = build(folder, **amount)
    ids = ids_of(mixture, folder)
    assert ids["en"] == ids["zh"] == ids["af"]
    assert not CUT & set(ids["en"])
    kept = 100 - len(CUT)
    assert len(ids["en"]) == {"all": kept, 30: 30, 0.5: round(kept / 2)}[next(iter(amount.values()))]
    assert mixture.mixture.endswith("-complete")
    assert mixture.notes == (
        f"{len(CUT)} ids are left out in every language, since an answer is cut at 30 tokens: zh 25, af 10",
    )
    mixture.write(tmp_path / "mixture.json")
    assert Mixture.read(tmp_path / "mixture.json") == mixture


@pytest.mark.parametrize("family", ["downsampled", "percent"])
def test_samples_that_are_not_parallel_leave_them_out_too(folder, family):
    options = {"downsampled": {}, "percent": {"percents": [50]}}[family]
    mixture = build(folder, family, total_rows=60, **options)
    assert mixture.rows == 60
    assert not CUT & {name for names in ids_of(mixture, folder).values() for name in names}


def test_a_language_that_is_cut_nowhere_loses_nothing(folder):
    mixture = build(folder, languages=["en"], rows="all")
    assert (mixture.rows, mixture.incomplete, mixture.notes) == (100, (), ())


def test_fewer_complete_rows_than_asked_for_is_an_error(folder):
    with pytest.raises(InputError, match=r"90 rows of toy/\w\w are asked for, 65 are there in every language"):
        build(folder, rows=90)


def test_the_digest_says_what_is_left_out(folder):
    mixture = build(folder, rows=30)
    assert replace(mixture, incomplete=mixture.incomplete[1:]).digest != mixture.digest


def test_a_store_of_other_rows_is_refused(folder, tmp_path):
    import shutil

    shutil.copytree(folder, tmp_path / "changed")
    report = tmp_path / "changed/data/toy/zh.report.json"
    report.write_text(report.read_text().replace(read_json(report)["digest"], "0" * 64))
    with pytest.raises(InputError, match=r"zh/index\.json: was made of other rows; tokenise the source again"):
        build(tmp_path / "changed", rows=30)


def test_whoever_builds_a_mixture_says_which_answers_trainings_on_it_will_cut(folder, tmp_path, capsys):
    given = {"family": "parallel", "source": "toy", "languages": [*WORDS], "rows": "all"}
    recipes = expand_family("mix", given, [*WORDS], "")
    spec = tmp_path / "spec.json"
    spec.write_text(json.dumps({"mixture": "mix", "recipe": recipes[0].content()}))
    files = spec, folder / "data", tmp_path / "mixture.json", None, folder / "tokens"
    build_command(*files, read=["words:30", "words:60:20", "others:30"])
    assert capsys.readouterr().out.splitlines() == [
        "mix: 3 languages, 300 rows",
        "toy/zh: of 100 answers 0 cut wholly and 25 partly (25.0%), at 30 tokens (words)",
        "toy/af: of 100 answers 0 cut wholly and 10 partly (10.0%), at 30 tokens (words)",
        "no answer is cut at 60 tokens (words)",
        "answers cut at 30 tokens (others): not known yet of toy/en, toy/zh, toy/af; once tokenised, `polytune plan` "
        "says it",
    ]
    build_command(*files)
    assert capsys.readouterr().out.splitlines() == ["mix: 3 languages, 300 rows"]


@pytest.mark.parametrize("amount", [{"rows": "all"}, {"rows": 30}])
def test_of_stores_of_other_rows_nothing_is_counted(folder, amount):
    """The store of a source whose file was replaced, as long as it is not tokenised again."""
    mixture = build(folder, **amount, complete_rows=False)
    lengths = Lengths(LONGEST)
    assert count_taken(mixture, folder / "tokens/words", lengths)["toy/zh"].rows == mixture.parts[0].rows
    parts = tuple(replace(part, data_digest="0" * 64) if part.language == "zh" else part for part in mixture.parts)
    other = count_taken(replace(mixture, parts=parts), folder / "tokens/words", lengths)
    assert [name for name, cut in other.items() if cut is None] == ["toy/zh"]
