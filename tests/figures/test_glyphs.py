"""Labels in every script: written where a font has them, replaced or refused where none has, never as boxes."""

import re

import pytest
from matplotlib.font_manager import FontProperties, findfont, fontManager
from matplotlib.ft2font import FT2Font
from matplotlib.text import Text

from polytune.errors import InputError
from polytune.figures import glyphs
from polytune.figures.draw import command
from polytune.figures.style import new_figure, use_style
from tests.cases.synthetic_study import synthetic_study, write_json

DEJAVU, STIX = (
    frozenset(FT2Font(findfont(FontProperties(family=[name]))).get_charmap()) for name in ("DejaVu Sans", "STIXGeneral")
)
WITHOUT_FONT = "\U00012000\U00012001"  # cuneiform: matplotlib's own fonts lack it


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    return synthetic_study(tmp_path_factory.mktemp("study"), sizes=(1, 2), benchmarks=("xwinograd",), items=20)


@pytest.fixture(autouse=True)
def only_the_fonts_of_matplotlib(monkeypatch):
    """Whatever this machine has installed."""
    own = [font for font in fontManager.ttflist if "matplotlib" in font.fname or "Last Resort" in font.name]
    monkeypatch.setattr(fontManager, "ttflist", own)
    use_style()


def draw(study, tmp_path, names, capsys):
    """Draw with other names of languages; return the texts of the picture and what was printed."""
    asked = study.asked({"draw": "language_accuracy", "benchmark": "xwinograd", "languages": ["zh", "ru", "en"]})
    for code, name in names.items():
        asked["languages"][code]["name"] = name
    shown = []
    draw_text = Text.draw
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Text, "draw", lambda text, renderer: (shown.append(text.get_text()), draw_text(text, renderer)))
        command(spec=write_json(tmp_path / "f.json", asked), scores=study.tables, output_stem=tmp_path / "f")
    return {text for text in shown if text}, capsys.readouterr().err


@pytest.mark.filterwarnings("error")  # matplotlib warns of every glyph that it lacks
def test_names_that_no_font_has_are_replaced_by_codes_in_one_line(study, tmp_path, capsys):
    texts, said = draw(study, tmp_path, {"zh": WITHOUT_FONT, "ru": "Русский"}, capsys)
    assert {"zh", "zh, base", "Русский", "English"} <= texts
    assert "lucky52: figures.test: no font has all characters of the names of zh; their codes are written" in said
    assert said.count("no font") == 1
    drawn = {character for text in texts for character in text if not character.isspace()}
    assert {ord(character) for character in drawn} <= DEJAVU


@pytest.mark.filterwarnings("error")
def test_slanted_labels_are_upright_where_only_upright_letters_exist(study, tmp_path, capsys):
    # the base model's label is slanted, and DejaVu Sans has Arabic in upright letters only
    texts, said = draw(study, tmp_path, {"zh": "العربية", "ru": "ქართული"}, capsys)
    assert {"العربية", "العربية, base", "ქართული, base"} <= texts and said == ""
    assert glyphs.style_of("العربية, base", "italic") == "normal" and glyphs.style_of("base", "italic") == "italic"


@pytest.mark.filterwarnings("error")
def test_another_font_that_has_the_characters_is_used(study, tmp_path, capsys):
    lacking = next(chr(code) for code in STIX if code not in DEJAVU and chr(code).isprintable())
    texts, said = draw(study, tmp_path, {"zh": f"Zhong{lacking}"}, capsys)
    assert f"Zhong{lacking}" in texts and said == ""
    assert glyphs.find_fonts("plain letters") == []


def test_the_font_of_boxes_is_never_chosen():
    assert not any("Last Resort" in name for name in glyphs.find_fonts(f"a {WITHOUT_FONT} b"))
    assert glyphs.missing_characters(f"a {WITHOUT_FONT} b") == WITHOUT_FONT


def test_any_other_label_without_a_font_is_refused():
    figure, (axes,) = new_figure(2, 2)
    axes.set_title(f"A title {WITHOUT_FONT}")
    with pytest.raises(InputError, match=r"lucky52: figures.f: no font has '..' of the label 'A title"):
        glyphs.check_glyphs(figure, "lucky52: figures.f")
    axes.set_title("Ελληνικά, עברית, العربية, ქართული")
    glyphs.check_glyphs(figure, "f")


def test_a_title_of_a_benchmark_is_checked_too(study, tmp_path):
    asked = study.asked({"draw": "language_accuracy", "benchmark": "xwinograd", "languages": ["zh"]})
    asked["evaluations"][0]["benchmark"]["title"] = WITHOUT_FONT
    with pytest.raises(InputError, match=re.escape("lucky52: figures.test")):
        command(spec=write_json(tmp_path / "f.json", asked), scores=study.tables, output_stem=tmp_path / "f")
    assert not list(tmp_path.glob("f.p*"))


def test_codes_of_three_letters_work_as_names_and_on_axes(study, tmp_path, capsys):
    tables = tmp_path / "tables"
    tables.mkdir()
    scores = study.scores.assign(language=study.scores["language"].replace("ru", "ceb"))
    scores.to_parquet(tables / "scores.parquet")
    runs = study.runs.assign(languages=[["ceb" if code == "zh" else code for code in codes]
                                        for codes in study.runs["languages"]])  # fmt: skip
    runs.to_parquet(tables / "runs.parquet")
    for kind in (
        {"draw": "language_accuracy", "benchmark": "xwinograd", "languages": ["ceb"]},
        {"draw": "accuracy_by_languages", "benchmarks": ["xwinograd"]},
        {"draw": "values", "benchmarks": ["xwinograd"], "against": "language", "by": "model"},
    ):
        asked = study.asked(kind)
        del asked["languages"]["en"]
        asked["languages"]["ceb"] = {"name": "Cebuano", "family": "Austronesian", "script": "Latn"}
        command(spec=write_json(tmp_path / "f.json", asked), scores=tables, output_stem=tmp_path / kind["draw"])
    assert "Cebuano, XWinograd" in (tmp_path / "language_accuracy.svg").read_text()
    assert "<!-- ceb -->" in (tmp_path / "accuracy_by_languages.svg").read_text()
    assert "<!-- Cebuano -->" in (tmp_path / "values.svg").read_text()
    assert "<!-- en -->" in (tmp_path / "values.svg").read_text()  # a language without a name is its code
