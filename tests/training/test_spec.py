"""spec.json: what is refused, in one line each, and that study files are held to the same limits."""

import json
from dataclasses import MISSING, fields
from types import UnionType
from typing import get_args, get_type_hints

import pytest

from polytune import ROOT
from polytune.errors import InputError
from polytune.files import read_json, write_json
from polytune.readers.yaml import read_yaml
from polytune.training.options import Hardware
from polytune.training.spec import LIMITS, Hyperparameters, Lora, Validation, read_spec
from tests.cases.training_cases import Case


@pytest.fixture
def case(tmp_path) -> Case:
    case = Case(tmp_path)
    case.write_spec()
    return case


def change_spec(case: Case, **changes) -> None:
    write_json(case.root / "spec.json", {**read_json(case.root / "spec.json"), **changes})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"learning_rat": 1.0}, r"unknown key 'hyperparameters.learning_rat'; did you mean 'learning_rate'"),
        ({"epochs": "3"}, r"'hyperparameters.epochs' is '3', expected float or int"),
        ({"global_batch_rows": 0}, r"'hyperparameters.global_batch_rows' is 0, it must be 1 or more"),
        ({"global_batch_rows": 2.5}, r"'hyperparameters.global_batch_rows' is 2.5, expected int"),
        ({"scheduler": "cosin"}, r"'hyperparameters.scheduler' is 'cosin', allowed are .*did you mean 'cosine'"),
        ({"precision": "fp16"}, r"'hyperparameters.precision' is 'fp16', allowed are fp32, bf16"),
        ({"warmup_ratio": 1.5}, r"'hyperparameters.warmup_ratio' is 1.5, it must be 0 or more and 1 or less"),
        ({"lora": {"r": 2}}, r"key 'hyperparameters.lora.alpha' is missing"),
        ({"validation": {"share": 1}}, r"'hyperparameters.validation.share' is 1, it must be above 0 and below 1"),
        (
            {"validation": {"share": 0.1, "keep": "bets"}},
            r"'hyperparameters.validation.keep' is 'bets', allowed .*did you mean 'best'",
        ),
    ],
)
def test_wrong_hyperparameters(changes, message, case):
    path = case.write_spec(**changes)
    with pytest.raises(InputError, match=rf"spec\.json: {message}"):
        read_spec(path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"method": "lore"}, r"'method' is 'lore', allowed are full, lora; did you mean 'lora'"),
        ({"method": "lora"}, r"method 'lora' needs 'hyperparameters.lora'"),
        ({"extra": 1}, r"unknown key 'extra'"),
        ({"seed": True}, r"'seed' is True, expected int"),
    ],
)
def test_wrong_spec(changes, message, case):
    change_spec(case, **changes)
    with pytest.raises(InputError, match=rf"spec\.json: {message}"):
        read_spec(case.root / "spec.json")


def test_a_missing_key_is_named(case):
    content = read_json(case.root / "spec.json")
    del content["hyperparameters"]["learning_rate"]
    write_json(case.root / "spec.json", content)
    with pytest.raises(InputError, match=r"key 'hyperparameters\.learning_rate' is missing"):
        read_spec(case.root / "spec.json")


def test_the_digest_of_a_spec_does_not_depend_on_its_layout(case):
    before = read_spec(case.root / "spec.json").digest
    content = read_json(case.root / "spec.json")
    (case.root / "spec.json").write_text(json.dumps(dict(reversed(content.items()))))
    assert read_spec(case.root / "spec.json").digest == before
    case.write_spec(learning_rate=0.5)
    assert read_spec(case.root / "spec.json").digest != before


@pytest.mark.parametrize(
    ("key", "text", "reason"),
    [
        ("learning_rate", "NaN", "NaN is no value of JSON"),
        ("learning_rate", "1e400", "1e400"),
        ("learning_rate", "-Infinity", "-Infinity is no value of JSON"),
        ("learning_rate", "0", "is 0, it must be above 0"),
        ("learning_rate", "1" + 400 * "0", "it must be below 2^63"),
        ("learning_rate", "true", "is True, expected float or int"),
        ("learning_rate", '"1e-3"', "is '1e-3', expected float or int"),
        ("learning_rate", "null", "is None, expected float or int"),
        ("learning_rate", "[0.001]", "is [0.001], expected float or int"),
        ("epochs", "1e300", "is 1e+300, it must be above 0 and 1000000 or less"),
        ("global_batch_rows", "1e2", "is 100.0, expected int"),
        ("global_batch_rows", "-8", "is -8, it must be 1 or more"),
        ("max_length_tokens", "9223372036854775808", "it must be below 2^63"),
        ("weight_decay", "-0.1", "is -0.1, it must be 0 or more"),
        ("adam_beta1", "1", "is 1, it must be 0 or more and below 1"),
        ("adam_epsilon", "0", "is 0, it must be above 0"),
        ("template", "3", "is 3, expected str or NoneType"),
        ("scheduler", "null", "is None, expected str"),
        ("lora", "[]", "'hyperparameters.lora' is no object"),
        ("lora", '{"r": 0, "alpha": 1}', "'hyperparameters.lora.r' is 0, it must be 1 or more"),
        ("lora", '{"r": 1, "alpha": 1, "target_modules": [1]}', "is [1], expected a list of str"),
        ("lora", '{"r": 1, "alpha": 1, "target_modules": "q"}', "is 'q', expected list"),
    ],
)
def test_values_written_by_hand(key, text, reason, case):
    path = case.root / "spec.json"
    before = json.dumps(read_json(path)["hyperparameters"].get(key))
    content = path.read_text()
    assert f'"{key}"' not in content or content.count(f'"{key}": {before}') == 1
    if f'"{key}"' in content:
        content = content.replace(f'"{key}": {before}', f'"{key}": {text}')
    else:
        content = content.replace('"hyperparameters": {', f'"hyperparameters": {{"{key}": {text},')
    path.write_text(content)
    with pytest.raises(InputError) as error:
        read_spec(path)
    assert str(error.value).startswith(f"{path}: ") and "\n" not in str(error.value)
    assert reason in str(error.value)
    assert f"'hyperparameters.{key}" in str(error.value) or "JSON" in str(error.value)


@pytest.mark.parametrize(
    ("seed", "reason"),
    [
        (-1, "is -1, it must be 0 or more"),
        (2**63, "is 9223372036854775808, it must be below 2^63"),
        (True, "is True, expected int"),
        ("1", "is '1', expected int"),
        (1.0, "is 1.0, expected int"),
    ],
)
def test_seeds_that_are_none(seed, reason, case):
    change_spec(case, seed=seed)
    with pytest.raises(InputError) as error:
        read_spec(case.root / "spec.json")
    assert str(error.value) == f"{case.root / 'spec.json'}: 'seed' {reason}"


def test_the_largest_seed_trains(tmp_path):
    from polytune.training import train

    case = Case(tmp_path).write()
    change_spec(case, seed=2**63 - 1)
    train.command(**case.options())
    assert read_json(tmp_path / "model/manifest.json")["seed"] == 2**63 - 1


JSON_TYPES = {int: "integer", float: "number", str: "string", list[str]: "array", Lora: "object", Validation: "object"}


@pytest.mark.parametrize("kind", [Hyperparameters, Lora, Validation])
def test_study_files_and_specs_have_the_same_hyperparameters(kind):
    """Names, types, limits and defaults of the study schema are those of spec.json, which decides."""
    schema = read_yaml(ROOT / "workflow/schemas/study.schema.yaml")["$defs"]["hyperparameters"]
    if kind is not Hyperparameters:
        schema = schema["properties"][kind.__name__.lower()]
        assert schema["required"] == [one.name for one in fields(kind) if one.default is one.default_factory is MISSING]
    properties, hints = schema["properties"], get_type_hints(kind)
    assert list(properties) == [one.name for one in fields(kind)]
    for one in fields(kind):
        told = {name: properties[one.name][name] for name in (*LIMITS, "enum") if name in properties[one.name]}
        assert told == dict(one.metadata), one.name
        hint = hints[one.name]
        choices = get_args(hint) if isinstance(hint, UnionType) else (hint,)
        assert properties[one.name]["type"] == JSON_TYPES[choices[0]], one.name
        default = one.default if one.default_factory is MISSING else one.default_factory()
        assert properties[one.name].get("default") == (None if default is MISSING else default), one.name


def test_the_configuration_and_the_commands_have_the_same_defaults():
    training = read_yaml(ROOT / "workflow/schemas/config.schema.yaml")["properties"]["training"]["properties"]
    for name in ("micro_batch_tokens", "zero_stage", "checkpoint_minutes"):
        assert training[name]["default"] == getattr(Hardware, name), name
