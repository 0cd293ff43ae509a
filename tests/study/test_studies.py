"""Study files and configuration: expansion to runs, and mistakes that are explained."""

from __future__ import annotations

import math

import pytest

from polytune.config.schema import check, conforms, explain, read_schema
from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.readers.yaml import read_yaml
from polytune.study.expand import nodes_for
from polytune.study.plan import load_plan


@pytest.fixture(scope="module")
def lucky52(project):
    return (project / "config/studies/lucky52.yaml").read_text()


def plan_of(tmp_path, text, **config):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return load_plan(load_config({"studies": [str(path)], **config}))


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "family: incremental",
            "famliy: incremental",
            "unknown key 'mixtures.incremental.famliy'; did you mean 'family'",
        ),
        ("order: [en, zh,", "order: [en, zz,", "mixtures.incremental.order: "),
        ("order: [en, zh,", "order: [en, no,", "source 'world' has no rows in 'no'"),
        ("sizes: [1, 2, 4,", "sizes: [1, 2, 53,", "sizes: 53 is outside 1 to 52, the length of 'order'"),
        ("learning_rate: 3e-3", "learning_rate: fast", "world.hyperparameters.learning_rate"),
        ("epochs: 3 #", "epoch: 3 #", "unknown key 'runs[0].hyperparameters.epoch'; did you mean 'epochs'"),
        (
            "bases: {bloom-7b1: world-bloom}",
            "bases: {bloom-7b1: world-blom}",
            "'world-blom' is not in config/bases.tsv",
        ),
        (
            "[xcopa, xstorycloze, xwinograd] # section",
            "[xcopa, xstory] # section",
            "'xstory' is not in config/benchmarks.tsv",
        ),
        ("draw: accuracy_by_languages", "darw: accuracy_by_languages", "the key 'figures.fig1a.draw' is missing"),
        ("rows: 400", "rows: 400\n      share: 0.5", "exactly one of rows, total_rows, share"),
        ("    rows: 400", "    rows: 400\n      rows: 500", "the key 'rows' stands twice"),
    ],
)
def test_a_mistake_in_a_study_names_file_and_key(lucky52, tmp_path, old, new, message):
    assert old in lucky52
    with pytest.raises(InputError) as raised:
        plan_of(tmp_path, lucky52.replace(old, new, 1))
    assert "study.yaml: " in str(raised.value)
    assert message in str(raised.value)


def test_the_full_study_is_the_papers(lucky52, tmp_path):
    """Lucky 52, section 3.1: 2 to 10 nodes of 8 devices, global batch 256 to 1280, learning rate 3e-5, 3 epochs."""
    plan = plan_of(tmp_path, lucky52, scale="full")
    tuned = {len(run.languages): run for run in plan.runs.values() if run.spec}
    assert sorted(tuned) == list(range(1, 53))
    batches = [tuned[n].spec["hyperparameters"]["global_batch_rows"] for n in range(1, 53)]
    assert (batches[0], batches[-1]) == (256, 1280)
    assert batches == sorted(batches)
    assert {run.nodes for run in tuned.values()} == set(range(2, 11))
    hyperparameters = tuned[25].spec["hyperparameters"]
    assert (hyperparameters["learning_rate"], hyperparameters["epochs"]) == (3e-5, 3)
    assert hyperparameters["max_length_tokens"] == 768
    assert tuned[25].languages[-1] == "ko"


@pytest.mark.parametrize("languages, updates", [(1, 786), (25, 6545), (52, 8168)])
def test_the_number_of_updates_is_the_papers_formula(lucky52, tmp_path, languages, updates):
    """U = ceil(N L E / (B W)), section 2.1, with N = 67,017 rows, B = 4 x 4 accumulated and W devices."""
    plan = plan_of(tmp_path, lucky52, scale="full")
    run = next(run for run in plan.runs.values() if len(run.languages) == languages)
    devices = run.nodes * run.devices_per_node
    assert run.spec["hyperparameters"]["global_batch_rows"] == 4 * 4 * devices
    assert math.ceil(67_017 * languages * 3 / (16 * devices)) == updates


def test_nodes_grow_evenly():
    assert [nodes_for(n, 52, 2, 10) for n in (1, 2, 26, 27, 51, 52)] == [2, 2, 6, 6, 10, 10]
    assert nodes_for(1, 1, 2, 10) == 2


def test_the_world_overlay_changes_what_it_names_and_nothing_else(lucky52, tmp_path):
    plan = plan_of(tmp_path, lucky52)
    runs = [run for run in plan.runs.values() if run.spec]
    assert [len(run.languages) for run in runs] == [1, 2, 4, 8, 12, 16, 20, 25, 26, 32, 39, 45, 52]
    assert {run.base for run in runs} == {"world-bloom"}
    assert plan.recipes["world-incremental-52-400-rows"].replay["rows"] == 4000
    assert runs[0].spec["hyperparameters"]["template"] == "world"


def test_studies_share_equal_runs_and_refuse_to_mix_different_ones(lucky52, tmp_path):
    (tmp_path / "a.yaml").write_text(lucky52)
    (tmp_path / "b.yaml").write_text(lucky52.replace("study: lucky52", "study: second"))
    both = {"studies": [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]}
    shared = load_plan(load_config(both))
    assert len(shared.runs) == 14
    (tmp_path / "b.yaml").write_text(
        lucky52.replace("study: lucky52", "study: second").replace("learning_rate: 3e-3", "learning_rate: 1e-3")
    )
    with pytest.raises(InputError, match="has other hyperparameters than in an earlier study; give one of the two"):
        _ = load_plan(load_config(both)).runs


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
    for study in (project / "config/studies").glob("*.yaml"):
        check(read_yaml(study), "study", study.name)


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
    known |= {"maxItems", "minimum", "maximum", "exclusiveMinimum", "pattern"}

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


def test_real_benchmarks_are_analysed_as_the_paper_does(lucky52, tmp_path):
    """Real XWinograd is not parallel across languages, the generated one is."""
    real = {"directory": str(tmp_path), "benchmarks": ["xwinograd"], "mixtures": ["world-en-400-rows"]}
    plan = plan_of(tmp_path, lucky52, real_benchmarks=real)
    assert "xwinograd" in plan.studies["lucky52"].analysis["parallel"]
    study = plan.studies["lucky52-real"]
    assert "xwinograd" not in study.analysis["parallel"]
    assert [run.mixture for run in study.runs] == ["none", "world-en-400-rows"]
    assert plan.benchmarks[study.runs[1].path][-1] == "xwinograd-real"
