"""`polytune doctor`: what each check says of a machine, made up where it has to be, and the exit status."""

from __future__ import annotations

import shutil
from types import SimpleNamespace

import pytest

from polytune.commands import doctor, places, profiles, software
from polytune.commands.findings import fail, ok, warn
from polytune.config.given import Given
from polytune.errors import InputError


def lines(findings) -> list[tuple[str, str]]:
    return [(one.status, one.text) for one in findings]


@pytest.mark.parametrize(
    ("findings", "status"),
    [([ok("a", "b")], 0), ([ok("a", "b"), warn("a", "b", "c")], 0), ([warn("a", "b", "c"), fail("a", "b", "c")], 1)],
)
def test_only_a_failure_is_an_exit_status(monkeypatch, capsys, findings, status):
    monkeypatch.setattr(doctor, "examine", lambda *_: findings)
    with pytest.raises(SystemExit) as stopped:
        doctor.command()
    assert stopped.value.code == status
    *shown, total = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == [one.status for one in findings]
    assert total == f"{status} to fix, {sum(one.status == 'warn' for one in findings)} to look at, " + (
        f"{sum(one.status == 'ok' for one in findings)} in order"
    )


def test_a_line_says_what_to_do():
    assert str(fail("disk", "full", "free space")) == "fail  disk          full - free space"
    assert str(ok("disk", "fine")) == "ok    disk          fine"


def test_this_checkout_is_looked_at_as_a_whole(project, monkeypatch):
    monkeypatch.chdir(project)
    found = list(doctor.examine(Given(), ""))
    # what this very machine has is not known: its disks, a profile that somebody has set up
    assert [one.topic for one in found if one.status == "fail" and not one.topic.startswith(("disk", "profile"))] == []
    topics = {"configuration", "python", "versions", "extras", "git", "machine", "device", "disk", "caches", "offline"}
    assert topics <= {one.topic for one in found}
    assert all(one.remedy for one in found if one.status != "ok")


def test_a_wrong_configuration_is_one_line_and_the_rest_is_still_looked_at(project, monkeypatch, tmp_path):
    monkeypatch.chdir(project)
    (tmp_path / "my.yaml").write_text("studis: [lucky52]\n")
    found = list(doctor.examine(Given([tmp_path / "my.yaml"]), ""))
    assert found[0].status == "fail" and "unknown key 'studis'; did you mean 'studies'?" in found[0].text
    assert len(found) > 10


def test_an_unknown_profile_is_named():
    with pytest.raises(InputError, match="--profile: no profile 'lumy' of a cluster; did you mean 'lumi'"):
        doctor.command(profile="lumy")


# --- software ---


def checkout(folder, dependencies: str, pins: str):
    (folder / "pyproject.toml").write_text(
        f'[project]\nrequires-python = ">=3.11"\ndependencies = [{dependencies}]\n'
        '[project.optional-dependencies]\nurielplus = ["no-such-data==2"]\n'
    )
    (folder / "constraints.txt").write_text(pins)
    return folder


def test_versions_are_compared_with_the_constraints(tmp_path):
    numpy = software.installed("numpy")
    folder = checkout(tmp_path, '"numpy", "snakemake", "PyYAML==1"', f"# x\nNumPy=={numpy}\npyyaml==0.1  # old\n")
    said = lines(software.check_software(folder))
    (text,) = [text for status, text in said if status == "warn" and "others than tested" in text]
    assert "pyyaml" in text and "(pinned 0.1)" in text and "numpy" not in text


def test_what_is_not_installed_is_a_failure_only_where_planning_needs_it(tmp_path, monkeypatch):
    monkeypatch.setattr(software, "installed", lambda name: None if name in ("typer", "torch") else "1")
    said = lines(software.check_software(checkout(tmp_path, '"typer", "torch"', "")))
    assert ("fail", "not installed: typer") in said and ("warn", "not installed: torch") in said


def test_an_extra_that_is_not_installed_says_what_it_is_for(tmp_path):
    (found,) = [one for one in software.check_software(checkout(tmp_path, "", "")) if one.topic == "extras"]
    assert found.status == "ok" and "no-such-data" in found.text and "read-urielplus" in found.text


def test_names_of_distributions_are_normalised():
    assert [software.name_of(line) for line in ("lm_eval==1", "PyYAML", "huggingface_hub>=2")] == [
        "lm-eval", "pyyaml", "huggingface-hub",
    ]  # fmt: skip


# --- the machine ---


@pytest.mark.parametrize(
    ("free", "files", "status"),
    [(100e9, 10**6, "ok"), (5e9, 10**6, "warn"), (0.5e9, 10**6, "fail"), (100e9, 500, "warn"), (100e9, None, "ok")],
)
def test_disks_have_space_and_room_for_files(tmp_path, monkeypatch, free, files, status):
    monkeypatch.setattr(places.shutil, "disk_usage", lambda _: SimpleNamespace(free=free, total=1e12))
    counted = SimpleNamespace(f_files=0 if files is None else 10**7, f_favail=files or 0)
    monkeypatch.setattr(places.os, "statvfs", lambda _: counted)
    (found,) = places.check_disks({"results": str(tmp_path / "not/there/yet")})
    assert found.status == status and "storage.results" in found.text


def test_a_disk_that_cannot_be_written_to(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    (found,) = places.check_disks({"work": str(tmp_path / "file")})
    assert found.status == "fail" and found.text.endswith("is a file")
    monkeypatch.setattr(places.os, "access", lambda *_: False)
    (found,) = places.check_disks({"work": str(tmp_path)})
    assert found.status == "fail" and found.text.endswith("cannot be written to")
    assert [one.status for one in places.check_caches()] == ["warn"] * 3


@pytest.mark.parametrize(
    ("gpu", "build", "asked", "status"),
    [
        ("cuda", "cpu", "auto", "fail"), ("cuda", "cu130", "auto", "ok"), ("cpu", "cpu", "auto", "ok"),
        ("cpu", "cpu", "cuda", "warn"),
    ],
)  # fmt: skip
def test_the_device_and_torch_belong_together(monkeypatch, gpu, build, asked, status):
    monkeypatch.setattr(places, "choose_device", lambda _: gpu)
    monkeypatch.setattr(places, "_torch_build", lambda: build)
    assert [one.status for one in places.check_devices(asked) if one.topic == "device"] == [status]


def test_secrets_are_never_shown(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_verysecret")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("POLYTUNE_LANGUAGES", "/nowhere.tsv")
    found = list(places.check_variables())
    assert "hf_verysecret" not in " ".join(map(str, found))
    assert any(one.text.startswith("HF_HUB_OFFLINE") for one in found)
    assert [one.status for one in found if one.topic == "languages"] == ["fail"]


def test_a_lock_is_noticed(tmp_path):
    assert [one.status for one in places.check_leftovers(tmp_path)] == ["ok"]
    (tmp_path / ".snakemake/locks").mkdir(parents=True)
    (tmp_path / ".snakemake/locks/0.input.lock").write_text("")
    (found,) = places.check_leftovers(tmp_path)
    assert found.status == "warn" and "snakemake --unlock" in found.remedy


# --- profiles ---


@pytest.fixture
def lumi(project, tmp_path, monkeypatch):
    """LUMI's profile, set up, and a cluster that answers."""
    folder = tmp_path / "profiles/lumi"
    shutil.copytree(project / "profiles/lumi", folder)
    (folder / "settings.sh").unlink(missing_ok=True)
    answers = {"sacctmgr": ["project_1", "project_2"], "sinfo": ["small", "standard-g", "small-g"]}
    monkeypatch.setattr(profiles, "has_slurm", lambda: True)
    monkeypatch.setattr(profiles, "_ask", lambda program, *_: answers[program])
    for name in profiles.read_exports(folder / "settings.example.sh"):
        monkeypatch.delenv(name, raising=False)
    return SimpleNamespace(folder=folder, answers=answers)


def set_up(lumi, monkeypatch, account="project_1"):
    text = (lumi.folder / "settings.example.sh").read_text().replace("project_465000000", account, 1)
    (lumi.folder / "settings.sh").write_text(text)
    for name in profiles.read_exports(lumi.folder / "settings.sh"):
        monkeypatch.setenv(name, account if name == "POLYTUNE_ACCOUNT" else str(lumi.folder))


def test_settings_that_are_missing(lumi):
    (found,) = profiles.check_profile(lumi.folder)
    assert str(found) == (
        "fail  profile lumi  profiles/lumi/settings.sh is missing - cp profiles/lumi/settings.example.sh "
        "profiles/lumi/settings.sh, and edit it"
    )


def test_a_profile_that_is_set_up(lumi, monkeypatch):
    set_up(lumi, monkeypatch)
    assert lines(profiles.check_profile(lumi.folder)) == [
        ("ok", "account project_1"), ("ok", "partitions small, standard-g, small-g"),
    ]  # fmt: skip


def test_settings_that_were_not_edited_or_not_sourced(lumi):
    shutil.copy(lumi.folder / "settings.example.sh", lumi.folder / "settings.sh")
    said = lines(profiles.check_profile(lumi.folder))
    assert ("fail", "POLYTUNE_ACCOUNT in profiles/lumi/settings.sh is the example's") in said
    assert any(status == "warn" and text.endswith("not set in this shell") for status, text in said)


def test_accounts_partitions_and_paths_that_there_are_not(lumi, monkeypatch):
    set_up(lumi, monkeypatch, "project_3")
    monkeypatch.setenv("POLYTUNE_CONTAINER", "/no/such.sif")
    lumi.answers["sinfo"] = ["small", "standard-gpu"]
    said = lines(profiles.check_profile(lumi.folder))
    assert ("fail", "POLYTUNE_CONTAINER: /no/such.sif does not exist") in said
    assert ("fail", "you have no account 'project_3'; did you mean 'project_2'?") in said or (
        "fail", "you have no account 'project_3'; did you mean 'project_1'?"
    ) in said  # fmt: skip
    (text,) = [text for status, text in said if "no partition 'standard-g'" in text]
    assert "(for train_full, preflight); did you mean 'standard-gpu'?" in text


def test_a_cluster_that_does_not_answer_is_no_failure(lumi, monkeypatch):
    set_up(lumi, monkeypatch)
    monkeypatch.setattr(profiles, "_ask", lambda *_: None)
    assert {status for status, _ in lines(profiles.check_profile(lumi.folder))} == {"warn"}
    monkeypatch.setattr(profiles, "has_slurm", lambda: False)
    assert [text for _, text in lines(profiles.check_profile(lumi.folder))] == [
        "no Slurm on this machine: account and partitions are not checked"
    ]
