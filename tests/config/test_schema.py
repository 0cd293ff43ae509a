"""Configuration and study files against their schemas: mistakes that are explained, and the library's verdict."""

from __future__ import annotations

import pytest

from polytune.config.schema import check, conforms, explain, read_schema
from polytune.config.settings import load_config, load_study, merge_config
from polytune.errors import InputError
from polytune.readers.yaml import parse_yaml, read_yaml


@pytest.fixture(scope="module")
def lucky52(project):
    return (project / "config/studies/lucky52.yaml").read_text()


def test_norwegian_is_a_language_and_small_numbers_are_numbers(tmp_path):
    (tmp_path / "x.yaml").write_text("languages: [no, en]\nrate: 3e-5\nyes: true\n")
    assert read_yaml(tmp_path / "x.yaml") == {"languages": ["no", "en"], "rate": 3e-5, "yes": True}


@pytest.mark.parametrize(
    "values, message",
    [
        ({"scael": "world"}, "unknown key 'scael'; did you mean 'scale'"),
        ({"world": {"sed": 1}}, "unknown key 'world.sed'; did you mean 'seed'"),
        ({"training": {"zero_stage": 7}}, "training.zero_stage: 7 is not allowed; allowed: 0, 1, 2, 3"),
        ({"studies": "lucky52"}, "studies: 'lucky52' is not allowed; expected a list"),
        ({"data": {"largest_dropped_share": 2}}, "expected a number at least 0 at most 1"),
    ],
)
def test_a_mistake_in_the_configuration_is_explained(values, message):
    with pytest.raises(InputError) as raised:
        load_config(values, "config.yaml")
    assert str(raised.value).startswith("config.yaml: ")
    assert message in str(raised.value)


def test_every_property_of_the_schemas_is_described():
    def walk(schema, path):
        for name, child in schema.get("properties", {}).items():
            yield f"{path}.{name}", child
            yield from walk(child, f"{path}.{name}")
        for name, child in schema.get("$defs", {}).items():
            yield from walk(child, f"{path}#{name}")

    for schema in ("config", "study", "world"):
        found = dict(walk(read_schema(schema), schema))
        assert found
        assert [name for name, child in found.items() if "description" not in child and "$ref" not in child] == []


def test_the_projects_own_files_fit_their_schemas(project):
    check(read_yaml(project / "config/config.yaml"), "config", "config.yaml")
    check(read_yaml(project / "config/world.yaml"), "world", "world.yaml")
    names = [study.stem for study in (project / "config/studies").glob("*.yaml")]
    assert "lucky52" in names
    for name in names:
        assert load_study(name)["study"] == name


@pytest.mark.parametrize(
    "changes",
    [
        {"studies": []},
        {"studies": [3]},
        {"scale": "full", "world": {"seed": True}},
        {"world": {"seed": -1}},
        {"world": None},
        {"locations": {"bases": {"bloom-7b1": 3}}},
        {"training": {"checkpoint_minutes": 0}},
        {"training": {"checkpoint_minutes": 1.5}},
        {"nonsense": 1},
        {"data": {"largest_dropped_share": 0.5}, "evaluation": {"device": "cpu"}},
    ],
)
def test_the_quick_verdict_is_the_librarys(changes):
    from jsonschema import Draft202012Validator

    schema = read_schema("config")
    verdict = Draft202012Validator(schema).is_valid(changes)
    assert conforms(changes, schema, schema) == verdict
    if not verdict:
        assert explain(changes, schema)


@pytest.mark.slow
def test_the_quick_verdict_on_study_files_is_the_librarys(lucky52):
    import random

    import yaml as plain_yaml
    from jsonschema import Draft202012Validator

    schema = read_schema("study")
    validator = Draft202012Validator(schema)
    draw = random.Random(1)
    verdicts = set()
    for _ in range(300):
        study = plain_yaml.safe_load(lucky52.replace("3e-5", "3.0e-5").replace("3e-3", "3.0e-3"))
        spot = study
        while isinstance(spot, (dict, list)) and spot:  # change one random value somewhere in the file
            key = draw.choice(list(spot) if isinstance(spot, dict) else range(len(spot)))
            if not isinstance(spot[key], (dict, list)) or draw.random() < 0.2:
                spot[key] = draw.choice([None, 1, 0.5, -3, "text", [], {}, {"x": 1}, ["en", "zh"], True, 2])
                break
            spot = spot[key]
        verdicts.add(validator.is_valid(study))
        assert conforms(study, schema, schema) == validator.is_valid(study), spot
    assert verdicts == {True, False}


def test_our_schemas_use_only_what_the_quick_verdict_knows():
    known = {"$schema", "$defs", "$ref", "title", "description", "default", "allOf", "oneOf", "const", "enum", "type"}
    known |= {"properties", "additionalProperties", "required", "propertyNames", "minProperties", "items", "minItems"}
    known |= {"maxItems", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "pattern"}

    def keywords(schema):
        yield from schema
        for group in ("properties", "$defs"):
            for child in schema.get(group, {}).values():
                yield from keywords(child)
        children = [schema.get(name) for name in ("items", "additionalProperties", "propertyNames")]
        for child in [*children, *schema.get("allOf", []), *schema.get("oneOf", [])]:
            if isinstance(child, dict):
                yield from keywords(child)

    for name in ("config", "study", "world"):
        assert set(keywords(read_schema(name))) <= known


def test_a_whole_number_may_be_written_with_a_point():
    config = load_config({"world": {"seed": 3.0}, "training": {"micro_batch_tokens": 2048.0}})
    assert config["world"]["seed"] == 3
    assert isinstance(config["world"]["seed"], int)
    with pytest.raises(InputError, match=r"world\.seed: 3\.5 is not allowed; expected a whole number"):
        load_config({"world": {"seed": 3.5}})


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({1: "x"}, "unknown key '1'"),
        ({"locations": {"bases": {1: "x"}}}, "locations.bases: the key 1 must be text; quote it"),
        ({"data": {"largest_dropped_share": float("nan")}}, "data.largest_dropped_share: nan is not allowed"),
        ({"training": {"checkpoint_minutes": float("inf")}}, "training.checkpoint_minutes: inf is not allowed"),
        ({"training": {"zero_stage": True}}, "training.zero_stage: True is not allowed; allowed: 0, 1, 2, 3"),
        (["x"], "top level: ['x'] is not allowed; expected a mapping of keys"),
        ({"scale": "x" * 5_000}, "xxx' is not allowed; allowed: world, full"),
        ({"studies": []}, "studies: [] is not allowed; expected a list with at least this many entries: 1"),
    ],
)
def test_odd_values_are_explained_in_a_short_line(values, message):
    with pytest.raises(InputError) as raised:
        check(values, "config", "config.yaml")
    assert message in str(raised.value) and len(str(raised.value)) < 400


@pytest.mark.parametrize(
    ("benchmarks", "message"),
    [
        (
            {"my-copa": {"itms": 50, "languages": ["et"]}},
            "unknown key 'evaluation.benchmarks.my-copa.itms'; did you mean 'items'",
        ),
        (
            {"my-copa": {"items": 0}},
            "evaluation.benchmarks.my-copa.items: 0 is not allowed; expected a whole number at least 1",
        ),
        (
            {"my-copa": {"languages": []}},
            "evaluation.benchmarks.my-copa.languages: [] is not allowed; expected 'all' or a list with at least",
        ),
        ({"xnli": {"lang": ["en"]}}, "unknown key 'evaluation.benchmarks.xnli.lang'; did you mean 'languages'"),
        (["xnli", 3], "evaluation.benchmarks[1]: 3 is not allowed; expected text"),
        ({}, "evaluation.benchmarks: {} is not allowed; expected a list with at least this many entries: 1 or a map"),
        ("xnli", "evaluation.benchmarks: 'xnli' is not allowed; expected a list with"),
        ({"xnli": None}, "evaluation.benchmarks.xnli: None is not allowed; expected a mapping of keys"),
        (
            {"xnli": {"data": ["hub", "directry"]}},
            "evaluation.benchmarks.xnli.data[1]: 'directry' is not allowed; did you mean 'directory'",
        ),
    ],
)
def test_where_several_kinds_of_values_are_allowed_the_wrong_key_is_named(lucky52, benchmarks, message):
    study = parse_yaml(lucky52, "lucky52.yaml")
    study["evaluation"]["benchmarks"] = benchmarks
    with pytest.raises(InputError) as raised:
        check(study, "study", "lucky52.yaml")
    assert str(raised.value).startswith(f"lucky52.yaml: {message}"), str(raised.value)


def test_a_name_does_not_end_with_a_line(lucky52):
    study = parse_yaml(lucky52, "lucky52.yaml")
    study["study"] += "\n"  # as a block of text in YAML ends
    with pytest.raises(InputError, match=r"study: 'lucky52\\n' does not fit the pattern"):
        check(study, "study", "lucky52.yaml")


def test_configuration_files_are_merged_and_read_as_all_yaml_is(tmp_path):
    base, mine = tmp_path / "base.yaml", tmp_path / "mine.yaml"
    base.write_text("storage: {results: a, work: w}\ndata: {largest_dropped_share: 0.5}\n")
    mine.write_text("storage: {results: b}\ndata:\n  largest_dropped_share: 1e-2\n")
    merged = merge_config([base, mine], ["world={seed: 3}"])
    assert merged == {
        "storage": {"results": "b", "work": "w"}, "data": {"largest_dropped_share": 0.01}, "world": {"seed": 3}
    }  # fmt: skip
    for text, message in [
        (
            "locations: {benchmarks: x}\nlocations: {}\n",
            r"mine\.yaml: line 2, column 1: the key 'locations' stands twice",
        ),
        ("- a\n", r"mine\.yaml: the top level"),
        ("a: [\n", r"mine\.yaml: line 2.*not valid YAML"),
    ]:
        mine.write_text(text)
        with pytest.raises(InputError, match=message):
            merge_config([base, mine])
