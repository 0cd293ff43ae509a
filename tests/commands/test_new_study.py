"""`polytune new-study`, and `extends`: a study that says only what differs, for every study and at both scales."""

from __future__ import annotations

import re
import shutil

import pytest

from polytune.commands import new_study
from polytune.config.paths import Paths
from polytune.config.settings import load_config, load_study
from polytune.errors import InputError
from polytune.study.check import check_study
from polytune.study.expand import expand_study
from polytune.study.outside import Outside

STUDIES = new_study.known_studies()


@pytest.fixture
def checkout(project, tmp_path, monkeypatch):
    """A checkout's configuration and rules, to which a study may be added."""
    for name in ("config", "workflow"):
        shutil.copytree(project / name, tmp_path / name)
    for module in ("polytune.commands.new_study", "polytune.config.settings"):
        monkeypatch.setattr(f"{module}.ROOT", tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def expand(name: str, scale: str):
    """Return a study as planning has it, or the message that says what is missing on this machine."""
    config = load_config({"studies": [name], "scale": scale})
    try:
        study = expand_study(load_study(name), config, Outside(config, Paths()))
        check_study(study)
    except InputError as error:
        return str(error)
    return study


@pytest.mark.parametrize("scale", ["world", "full"])
@pytest.mark.parametrize("like", STUDIES)
def test_a_study_that_extends_another_is_that_study(checkout, like, scale):
    new_study.command("one-more", like, "")
    file = "config/studies/one-more.yaml"
    theirs, ours = expand(f"config/studies/{like}.yaml", scale), expand(file, scale)
    if isinstance(theirs, str):  # data that has to be given first: the same is asked for
        assert ours == theirs.replace(f"config/studies/{like}.yaml", file)
        assert scale == "full" or "none is given" in theirs or "imports.logs" in theirs
        return
    assert list(ours.runs) == list(theirs.runs) and (ours.runs or ours.imports)
    assert {path: run.spec for path, run in ours.runs.items()} == {path: run.spec for path, run in theirs.runs.items()}
    assert (ours.figures, ours.tables, ours.analysis) == (theirs.figures, theirs.tables, theirs.analysis)


def test_what_is_written_is_a_study_with_comments(checkout, capsys):
    new_study.command("my-lucky", "lucky52", "")
    text = (checkout / "config/studies/my-lucky.yaml").read_text()
    assert load_study("my-lucky")["title"] == "How many languages are needed? (a study like lucky52)"
    assert [line for line in text.splitlines() if line and not line.startswith("#")] == [
        "extends: lucky52", "study: my-lucky", 'title: "How many languages are needed? (a study like lucky52)"',
    ]  # fmt: skip
    for section in ("sources", "mixtures", "runs", "evaluation", "analysis", "figures", "tables", "world"):
        assert f"\n# {section}:" in text
    assert not re.search(r"^# (study|title|paper):", text, re.MULTILINE)
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("config/studies/my-lucky.yaml: extends lucky52")
    assert [line.split("#")[0].strip() for line in printed[1:]] == [
        'snakemake -n my-lucky --config "studies=[my-lucky]"',
        'snakemake --profile profiles/local my-lucky --config "studies=[my-lucky]"',
    ]


def test_a_section_of_the_comments_can_be_used(checkout):
    new_study.command("my-lucky", "lucky52", "Four mixtures")
    file = checkout / "config/studies/my-lucky.yaml"
    text = file.read_text()
    for line in (
        "mixtures:",
        "  incremental: # section 2.1: one language more at a time, all rows of each",
        "    sizes: 1-52",
    ):
        assert f"# {line}\n" in text
    file.write_text(text.replace("# mixtures:", "mixtures:", 1).replace("#   incremental: #", "  incremental: #", 1)
                    .replace("#     sizes: 1-52", "    sizes: [1, 2, 3, 4]", 1))  # fmt: skip
    study = expand("config/studies/my-lucky.yaml", "full")
    assert len(study.runs) == 5  # and the untuned base
    assert study.title == "Four mixtures"


@pytest.mark.parametrize(
    ("name", "like", "message"),
    [
        ("My Study", "lucky52", "NAME: 'My Study' is no name of a study; did you mean 'my-study'?; allowed"),
        ("über", "lucky52", "NAME: 'über' is no name of a study; did you mean 'ber'?"),
        ("../up", "lucky52", "NAME: '../up' is no name of a study; did you mean 'up'?"),
        ("-x", "lucky52", "NAME: '-x' is no name"),
        ("", "lucky52", "NAME: '' is no name of a study; allowed"),
        ("mixtures", "lucky52", "NAME: 'mixtures' is the name of a rule of the workflow"),
        ("train-full", "lucky52", "NAME: 'train-full' is the name of a rule of the workflow"),
        ("all", "lucky52", "NAME: 'all' is the name of a rule"),
        ("pinch", "lucky52", "NAME: there is a study 'pinch' already (config/studies/pinch.yaml)"),
        ("mine", "luky52", "--like: no study 'luky52'; did you mean 'lucky52'?; there are: alpaca, "),
    ],
)
def test_names_are_checked_and_nothing_is_written_over(checkout, name, like, message):
    before = {path: path.read_bytes() for path in (checkout / "config/studies").iterdir()}
    with pytest.raises(InputError) as raised:
        new_study.command(name, like, "")
    assert str(raised.value).startswith(message)
    assert {path: path.read_bytes() for path in (checkout / "config/studies").iterdir()} == before
