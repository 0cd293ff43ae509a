"""Exposure groups follow from the tables; the lists of Lucky 52, section 4.2, are the test."""

import pytest

from polytune import ROOT
from polytune.config.benchmarks import find_benchmark
from polytune.config.tables import read_bases
from polytune.errors import InputError
from polytune.languages.codes import from_task_code
from polytune.languages.codes import languages as known_languages
from polytune.scores.exposure import EXPOSURES, classify_exposure
from polytune.world.settings import BASE_LANGUAGES
from tests.cases.synthetic_study import BENCHMARKS, ORDER

BASES = ROOT / "config" / "bases.tsv"

# as printed; XWinograd's code for Japanese translated
PUBLISHED = {
    "xcopa": {"both": "id sw ta vi zh", "base": "ht", "tuning": "et it th tr", "neither": "qu"},
    "xstorycloze": {"both": "ar en es hi id sw te zh", "base": "eu", "tuning": "my ru", "neither": ""},
    "xwinograd": {"both": "en fr pt zh", "base": "", "tuning": "ru", "neither": "ja"},
}


@pytest.mark.parametrize("benchmark", PUBLISHED)
def test_the_four_lists_of_the_paper_are_computed(benchmark):
    languages = [from_task_code(code, find_benchmark(benchmark).code_scheme) for code in BENCHMARKS[benchmark]]
    # the paper counts Japanese as never tuned although it is the 21st of the 52 languages
    tuned = set(ORDER) - ({"ja"} if benchmark == "xwinograd" else set())
    seen = read_bases(BASES)["bloom-7b1"].seen_languages
    groups = {key: [code for code in languages if classify_exposure(code, seen, tuned) == key] for key in EXPOSURES}
    assert {key: sorted(value) for key, value in groups.items()} == {
        key: sorted(value.split()) for key, value in PUBLISHED[benchmark].items()
    }


def test_without_the_overrides_japanese_is_tuned_and_haitian_unseen():
    base = read_bases(BASES)["bloom-7b1"]
    assert classify_exposure("ja", base.seen_languages, set(ORDER)) == "tuning"
    assert classify_exposure("ht", base.pretraining_languages, set(ORDER)) == "neither"
    assert classify_exposure("ht", base.seen_languages, set(ORDER)) == "base"


def test_every_base_names_known_languages():
    bases = read_bases(BASES)
    assert len(bases) > 15  # the generated world's are in config/world.yaml
    unsaid = {base.base for base in bases.values() if not base.pretraining_languages}
    assert unsaid == {name for name in bases if name.startswith("gemma-3-")}  # its makers say "over 140 languages"
    for base in bases.values():
        for language in base.seen_languages:
            assert language in known_languages(), (base.base, language)


def test_bases_of_one_family_share_tokenizer_and_languages():
    bases = read_bases(BASES)
    blooms = [base for name, base in bases.items() if name.startswith("bloom-")]
    assert len(blooms) == 5
    assert {base.tokenizer for base in blooms} == {"bloom"}
    assert len({base.seen_languages for base in blooms}) == 1
    assert frozenset(BASE_LANGUAGES) == blooms[0].seen_languages  # those of the generated world's base
    assert bases["bloom-7b1"].parameters == 7_069_016_064  # the model card


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("\tdecoder\tbigscience/bloom-560m", "\tdecodr\tbigscience/bloom-560m", ["decodr", "did you mean 'decoder'"]),
        ("559214592", "0.56B", ["parameters", "0.56B", "bloom-560m"]),
        ("base\tarchitecture", "base\tname", ["columns", "name"]),
        ("bloom-1b1\t", "bloom-560m\t", ["bloom-560m", "two rows"]),
    ],
)
def test_a_wrong_cell_is_named(tmp_path, old, new, words):
    text = BASES.read_text()
    assert old in text
    path = tmp_path / "bases.tsv"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        read_bases(path)
    for word in ["bases.tsv", *words]:
        assert word in str(error.value)
