"""Whatever the JSON files of a model say, a user sees a score or one line."""

import json

import pytest

from polytune.errors import InputError
from tests.evaluation.test_loglikelihoods import make_requests
from tests.models.test_adapters import write_adapter

VALUES = (None, True, -1, 0, 7, 1.5, "x", [], {"a": 1}, ["x"])
QUESTION = [[("a b", "c"), ("a b", "d e")], [("", "x y")]]


@pytest.fixture(scope="module", params=["bloom", "llama"])
def directories(request, tmp_path_factory):
    return write_adapter(tmp_path_factory.mktemp(request.param), request.param)


@pytest.mark.parametrize("name", ["config.json", "tokenizer_config.json", "adapter_config.json", "tokenizer.json"])
def test_any_value_of_any_key_is_taken_or_refused_in_one_line(name, directories):
    from polytune.evaluation.model import PolytuneLM

    base, adapter = directories
    file = (adapter if name == "adapter_config.json" else base) / name
    text, refused, taken = file.read_text(encoding="utf-8"), 0, 0
    content = json.loads(text)
    changes = [{key: value} for number, key in enumerate(content) for value in (*VALUES[number % 10 :: 10], "absent")]
    try:
        for change in [*changes, *VALUES]:
            changed = {**content, **change} if isinstance(change, dict) and change != {"a": 1} else change
            if isinstance(changed, dict):
                changed = {key: value for key, value in changed.items() if value != "absent"}
            file.write_text(json.dumps(changed), encoding="utf-8")
            try:
                lm = PolytuneLM(str(adapter), base=str(base)) if file.parent == adapter else PolytuneLM(str(base))
                lm.loglikelihood(make_requests(QUESTION), disable_tqdm=True)
                taken += 1
            except InputError as error:
                assert "\n" not in str(error) and len(str(error)) < 700, change
                refused += 1
    finally:
        file.write_text(text, encoding="utf-8")
    assert refused > len(VALUES) - 2 and taken > 0
