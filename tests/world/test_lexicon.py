"""Words descend through the family tree, and the harness's own words are used where it has them."""

import importlib.util
import re
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from polytune.errors import InputError
from polytune.world import stock
from polytune.world.facts import build_facts
from polytune.world.lexicon import NAMES, adapt_form, build_lexicons
from polytune.world.settings import WorldSettings, settings_of_size
from polytune.world.uriel import read_profiles

LANGUAGES = tuple(["en", "de", "es", "gl", "pt", "hi", "ur", "zh", "my", "tr", "az", "sw", "xh", "ar", "qu", "eu"])
SETTINGS = WorldSettings(seed=3, languages=LANGUAGES)


@pytest.fixture(scope="module")
def profiles():
    return read_profiles(LANGUAGES)


@pytest.fixture(scope="module")
def lexicons(profiles):
    return build_lexicons(SETTINGS, build_facts(SETTINGS), profiles)


def share_of_common_forms(lexicons, first, second):
    concepts = [concept for concept, word in lexicons[first].items() if word.origin != "harness"]
    return sum(lexicons[first][c].form == lexicons[second][c].form for c in concepts) / len(concepts)


def test_relatives_share_more_words_the_closer_they_are(lexicons):
    shares = [share_of_common_forms(lexicons, "es", other) for other in ("gl", "de", "hi", "tr")]
    assert shares == sorted(shares, reverse=True)
    assert shares[0] > 0.5 and shares[1] > 0.25 and shares[-1] < 0.1


def test_no_homonyms_and_names_are_reserved(lexicons):
    for language, lexicon in lexicons.items():
        forms = [word.form for word in lexicon.values() if word.origin != "harness"]
        assert len(set(forms)) == len(forms), language
        fixed = {part for word in lexicon.values() if word.origin == "harness" for part in word.form.split()}
        assert not set(forms) & ({*NAMES} | fixed)


def test_about_the_set_share_is_borrowed_mostly_from_nearby(lexicons, profiles):
    origins = [(language, word.origin) for language, lexicon in lexicons.items() for word in lexicon.values()]
    loans = [(language, origin[-2:]) for language, origin in origins if origin.startswith("loan")]
    assert 0.07 < len(loans) / len(origins) < 0.13
    distances = [profiles[language].distance_km(profiles[donor]) for language, donor in loans]
    pairs = [profiles[a].distance_km(profiles[b]) for a in LANGUAGES for b in LANGUAGES if a != b]
    assert sum(distances) / len(distances) < 0.5 * sum(pairs) / len(pairs)


def test_words_do_not_depend_on_which_other_languages_exist(profiles):
    alone = replace(SETTINGS, loan_rate=0.0)
    facts = build_facts(alone)
    several = build_lexicons(alone, facts, profiles)["tr"]
    single = build_lexicons(alone, facts, {"tr": profiles["tr"], "az": profiles["az"]})["tr"]
    assert several == single


def test_typology_follows_uriel(profiles):
    assert {language: profiles[language].order for language in ("en", "hi", "ar", "gl")} == {
        "en": "SVO",
        "hi": "SOV",
        "ar": "VSO",
        "gl": "SVO",
    }
    assert profiles["en"].has_prepositions and not profiles["tr"].has_prepositions
    assert profiles["en"].adjective_precedes and not profiles["es"].adjective_precedes
    assert profiles["eu"].lineage == ("isolate eu",) and profiles["qu"].lineage[0] == "Quechuan"
    assert profiles["es"].distance_km(profiles["pt"]) < 1000 < profiles["es"].distance_km(profiles["zh"])


def test_adapting_uses_only_letters_of_the_language():
    assert adapt_form("pafu", frozenset("abvtnouig")) == "bavu"


def test_unknown_language_and_size_are_input_errors():
    with pytest.raises(InputError, match="no language 'xz'"):
        read_profiles(["xz"])
    with pytest.raises(InputError, match="did you mean 'tiny'"):
        settings_of_size("tny", 1)


def harness_folder() -> Path:
    spec = importlib.util.find_spec("lm_eval")
    assert spec and spec.submodule_search_locations, "lm-eval is a dependency"
    return Path(spec.submodule_search_locations[0]) / "tasks"


def test_connectors_are_those_of_the_harness():
    spec = importlib.util.spec_from_file_location("xcopa_utils", harness_folder() / "xcopa" / "utils.py")
    utils = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(utils)
    languages = {name.removeprefix("doc_to_text_") for name in vars(utils) if name.startswith("doc_to_text_")}
    assert languages == set(stock.XCOPA_CONNECTORS)
    for language, connectors in stock.XCOPA_CONNECTORS.items():
        for question, connector in zip(("cause", "effect"), connectors, strict=True):
            text = getattr(utils, f"doc_to_text_{language}")({"premise": "so.", "question": question})
            assert text == f"so {connector}"


@pytest.mark.parametrize(
    ("folder", "prefix", "table", "order", "texts"),
    [
        ("xnli", "xnli_", stock.XNLI_WORDS, (1, 2, 3), ("premise", "hypothesis")),
        ("paws-x", "paws_", stock.PAWSX_WORDS, (2, 1), ("sentence1", "sentence2")),
    ],
)
def test_answers_are_those_of_the_harness(folder, prefix, table, order, texts):
    files = sorted((harness_folder() / folder).glob(f"{prefix}??.yaml"))
    assert {file.stem.removeprefix(prefix) for file in files} == set(table)
    for file in files:
        lines = [line for line in file.read_text(encoding="utf-8").splitlines() if "!function" not in line]
        template = yaml.safe_load("\n".join(lines))["doc_to_choice"]
        words = table[file.stem.removeprefix(prefix)]
        joints = [f'{texts[0]}+", {words[0]}? {words[answer]}, "+{texts[1]}' for answer in order]
        assert re.sub(r",\s+(?=" + texts[0] + ")", ",", template) == "{{[" + ",".join(joints) + "]}}"
