"""Names in the layer of a study that the scale does not use are checked at both scales."""

from __future__ import annotations

import pytest

from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.study.plan import Plan


def plan_of(tmp_path, text, scale):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return Plan(load_config({"studies": [str(path)], "scale": scale}))


@pytest.mark.parametrize("scale", ["world", "full"])
@pytest.mark.parametrize(
    ("study", "old", "new", "message"),
    [
        ("linguistic", "family: selected", "family: selectd", r"mixtures\..*: family is 'selectd'.* 'selected'"),
        ("linguistic", "sizes-42: {<<: *sizes,", "sizes-42: {<<: *sizes, kk: 2,", "'selected' has no option 'kk'"),
        ("linguistic", "sizes-42: {<<: *sizes,", "sizes-42: {<<: *sizes, source: bac,", "source: 'bac' is not one of"),
        ("linguistic", "features: typo", "features: typpo", "features: 'typpo' is not allowed; did you mean 'typo'"),
        ("linguistic", "template: bactrian-x", "template: bactrian", "no .*'bactrian'.*; did you mean 'bactrian-x'"),
        ("linguistic", "template: world", "template: wurld", "template: .*'wurld'.*; did you mean 'world'"),
        ("polyglot", "protocol: side-by-side", "protocol: side-by-sid", "protocol: no 'side-by-sid'; did you mean"),
        ("polyglot", "judge: gpt-4o", "judge: gpt-4", r"judged\..*.judge: no 'gpt-4'; did you mean 'gpt-4o'"),
        ("polyglot", "judge: biased", "judge: biasd", r"judged\..*.judge: no 'biasd'; did you mean 'biased'"),
        ("polyglot", "against: bactrian-monolingual", "against: bactrian-mono", "against: .*'bactrian-mono'"),
        ("donors", "benchmarks: [xstorycloze, x", "benchmarks: [xstorycloz, x", "no benchmark 'xstorycloz'; did you"),
        ("donors", "benchmarks: [xstorycloze]}", "benchmarks: [xstorycloz]}", "no benchmark 'xstorycloz'; did you"),
    ],
)  # fmt: skip
def test_a_misspelt_name_is_said_whatever_the_scale(project, tmp_path, study, old, new, message, scale):
    text = (project / f"config/studies/{study}.yaml").read_text()
    assert old in text
    with pytest.raises(InputError, match=message):
        plan_of(tmp_path, text.replace(old, new, 1), scale)
