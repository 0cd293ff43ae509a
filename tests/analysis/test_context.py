"""How values are written beside numbers."""

from __future__ import annotations

from polytune.analysis.context import Context
from polytune.analysis.published import read_published_values
from polytune.config.settings import load_config
from polytune.study.plan import Plan


def test_a_name_leaves_out_the_one_world_that_is_said_below():
    one = Context("alpaca", "world", ("w1",), (), {"sv": "Swedish"})
    assert one.word("base", "world-bloom-small-w1") == "world-bloom-small"
    assert one.word("mixture", "world-w1-en-60-rows") == "world-en-60-rows"
    assert one.word("language", "sv") == "Swedish"
    several = Context("alpaca", "world", ("w1", "w2"), (), {})
    assert several.word("base", "world-bloom-w1") == "world-bloom-w1"


def test_one_prompt_set_that_is_asked_twice_carries_the_names_of_its_answers():
    plan = Plan(load_config({"studies": ["pinch", "alpaca"]}))
    pinch, alpaca = (Context.of(plan.specs[f"tables/{study}/world/judge-checks"]) for study in ("pinch", "alpaca"))
    assert pinch.title("instructions") == "World questions (instructions)"
    assert pinch.title("slavic") == "World questions (slavic)"
    assert [one.title for one in alpaca.evaluations] == ["World questions"]


def test_languages_of_the_users_files_have_any_name(tmp_path):
    """A spec carries the names, so that a figure reads no table of languages."""
    plan = Plan(load_config({"studies": ["lucky52"]}))
    spec = plan.specs["tables/lucky52/world/table1"]
    context = Context.of(spec)
    names = ("de", "German", "deu", "DEU-Latn", "deu_Latn", "ht", "haitian creole", " Haitian  creole ", "mean of all")
    assert [context.code(name) for name in names] == ["de"] * 5 + ["ht"] * 3 + ["mean of all"]
    file = tmp_path / "v.csv"
    file.write_text("# Somebody 2024: title\nlanguage,value\nGerman,1\nmean,2\n")
    assert list(read_published_values(file, code=context.code)["language"]) == ["de", "mean"]
