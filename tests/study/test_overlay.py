"""The world overlay of a study: what it replaces, leaves out and refuses."""

import pytest

from polytune.errors import InputError
from polytune.study.overlay import apply_overlay

OVERLAY = {
    name: {} for name in ("sources", "mixtures", "languages", "hyperparameters", "methods", "analysis", "evaluation")
}
BASES = {"small": "world-small", "large": "world-large", "huge": "world-large", "other": None}


def content() -> dict:
    entries = [
        {"bases": ["small", "other", "huge", "large"], "method": "lora", "seeds": [1], "batch": {"nodes": [1, 1]},
         "hyperparameters": {"learning_rate": 1e-4, "epochs": 5, "lora": {"r": 8, "alpha": 16}}},
        {"bases": ["small"], "method": "full", "seeds": [1], "batch": {"nodes": [1, 1]},
         "hyperparameters": {"learning_rate": 1e-5, "epochs": 3}},
        {"bases": ["other"], "method": "full", "seeds": [1], "hyperparameters": {}},
    ]  # fmt: skip
    figures = {"one": {"draw": "values", "bases": ["other", "huge", "large"], "languages": ["bn", "no"]}}
    return {
        "mixtures": {},
        "sources": {},
        "runs": entries,
        "figures": figures,
        "tables": {},
        "analysis": {},
        "evaluation": {},
    }


def test_bases_get_their_counterparts_once_each_and_those_without_one_are_left_out():
    study = apply_overlay(content(), {**OVERLAY, "bases": BASES}, "study.yaml")
    assert [entry["bases"] for entry in study["runs"]] == [["world-small", "world-large"], ["world-small"]]
    assert study["figures"]["one"]["bases"] == ["world-large"]
    assert study["figures"]["one"]["languages"] == ["bn", "no"]


def test_a_base_that_is_not_spoken_of_is_an_error_and_not_left_out():
    bases = {key: value for key, value in BASES.items() if key != "huge"}
    with pytest.raises(InputError, match=r"runs\[0\].bases: 'huge' has no counterpart in world.bases.*or 'huge: null'"):
        apply_overlay(content(), {**OVERLAY, "bases": bases}, "study.yaml")


def test_languages_that_the_world_lacks_are_drawn_as_others():
    study = apply_overlay(content(), {**OVERLAY, "bases": BASES, "languages": {"no": "sv"}}, "study.yaml")
    assert study["figures"]["one"]["languages"] == ["bn", "sv"]


def test_hyperparameters_of_a_method_differ_over_those_of_all():
    changes = {
        "hyperparameters": {"epochs": 1, "lora": {"r": 2}},
        "methods": {"full": {"epochs": 2, "global_batch_rows": 4}},
    }
    study = apply_overlay(content(), {**OVERLAY, "bases": BASES, **changes}, "study.yaml")
    lora, full = study["runs"]
    assert lora["hyperparameters"] == {"learning_rate": 1e-4, "epochs": 1, "lora": {"r": 2, "alpha": 16}}
    assert "batch" in lora and "batch" not in full
    assert {key: full["hyperparameters"][key] for key in ("learning_rate", "epochs", "global_batch_rows")} == {
        "learning_rate": 1e-5,
        "epochs": 2,
        "global_batch_rows": 4,
    }


def leaving_out(*names: str) -> dict:
    study = content()
    study["mixtures"] = {"a": {}, "b": {}, "c": {}}
    for entry, mixtures in zip(study["runs"], (["a", "b"], "c", ["b"]), strict=True):
        entry["mixtures"] = mixtures
    study["tables"] = {"two": {"build": "values", "families": ["a", "b"], "languages": {"xnli": ["no", "en"]}}}
    overlay = {**OVERLAY, "bases": BASES, "languages": {"no": None}, "left_out": list(names)}
    return apply_overlay(study, overlay, "study.yaml")


def test_mixtures_that_are_left_out_are_named_nowhere():
    study = leaving_out("b", "c")
    assert list(study["mixtures"]) == ["a"] and [entry["mixtures"] for entry in study["runs"]] == [["a"]]
    assert study["tables"]["two"]["families"] == ["a"]
    assert study["tables"]["two"]["languages"] == {"xnli": ["en"]}
    with pytest.raises(InputError, match=r"world\.left_out: the study has no mixtures 'd'"):
        leaving_out("d")
