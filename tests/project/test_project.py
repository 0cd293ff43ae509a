"""The project itself: import directions, environments, reference, names."""

from __future__ import annotations

import ast
import re
import subprocess
import tomllib

import pytest
import yaml

from polytune.config.reference import render

STAGES = [
    "languages",
    "world",
    "data",
    "mixtures",
    "training",
    "evaluation",
    "judging",
    "analysis",
    "figures",
    "report",
]
# what stands above the stages: they compose them
COMPOSING = {"cli", "studies", "plan", "locations", "reference", "stale", "cluster"}
# of the cluster package, what a training needs to know that nobody else writes where it writes
SUPPORT_IN_CLUSTER = {"guard", "slurm"}


def imports_of(path):
    """Modules of polytune that a file imports, wherever in the file."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("polytune."):
            package, _, module = node.module.removeprefix("polytune.").partition(".")
            yield module if package == "cluster" and module in SUPPORT_IN_CLUSTER else package
        elif isinstance(node, ast.Import):
            yield from (name.name.split(".")[1] for name in node.names if name.name.startswith("polytune."))


def test_imports_go_one_way(project):
    seen = 0
    for path in sorted((project / "src/polytune").rglob("*.py")):
        place = path.relative_to(project / "src/polytune").parts[0].removesuffix(".py")
        place = path.stem if place == "cluster" and path.stem in SUPPORT_IN_CLUSTER else place
        for imported in imports_of(path):
            seen += 1
            if place in STAGES and imported in STAGES:
                assert STAGES.index(imported) <= STAGES.index(place), f"{path} imports {imported}"
            elif place in STAGES:
                assert imported not in COMPOSING, f"{path} imports {imported}"
            elif place not in COMPOSING and place != "__init__":
                assert imported not in STAGES, f"the support module {path} imports the stage {imported}"
    assert seen > 100


def test_the_engine_is_not_mentioned_below_src(project):
    for path in (project / "src/polytune").rglob("*.py"):
        place = path.relative_to(project / "src/polytune").parts[0]
        if place not in ("cluster", "cli.py", "locations.py", "plan.py"):
            assert "import snakemake" not in path.read_text(), path


def test_every_command_exists_and_explains_itself(project):
    import importlib

    from polytune.cli import COMMANDS

    for name, (module, help_line) in COMMANDS.items():
        command = importlib.import_module(module).command
        assert command.__doc__, name
        assert help_line.endswith("."), name


def test_the_environment_has_the_pins_of_the_lock(project):
    lock = {}
    for line in (project / "constraints.txt").read_text().splitlines():
        if "==" in line:
            name, version = line.split("==")
            lock[name.lower().replace("_", "-")] = version
    environments = list((project / "workflow/envs").glob("*.yaml"))
    assert environments
    for environment in environments:
        content = yaml.safe_load(environment.read_text())
        pins = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
        assert pins
        for pin in pins:
            name, version = pin.split("==")
            assert lock[name.lower().replace("_", "-")] == version, f"{environment.name}: {pin}"


def test_the_project_asks_for_the_versions_of_the_lock(project):
    wanted = tomllib.loads((project / "pyproject.toml").read_text())["project"]["dependencies"]
    lock = (project / "constraints.txt").read_text().lower().replace("_", "-")
    for requirement in wanted:
        name = re.split(r"[=<>;\s]", requirement)[0].lower()
        assert re.search(rf"^{re.escape(name)}==", lock, re.MULTILINE), name
    assert "torch==2.13.0" in wanted


def test_the_configuration_reference_is_up_to_date(project):
    written = (project / "docs/configuration.md").read_text()
    assert written == render(), "run 'polytune write-reference' and commit docs/configuration.md"


def test_files_stay_readable(project):
    long = {
        path.name: count
        for path in [*(project / "src").rglob("*.py"), *(project / "workflow").rglob("*.smk")]
        if (count := len(path.read_text().splitlines())) > 300
    }
    assert long == {}


@pytest.mark.parametrize("name", ["utils", "helpers", "misc", "common_utils"])
def test_no_file_is_called(project, name):
    assert not list((project / "src").rglob(f"{name}.py"))


def test_no_path_of_a_developers_machine_is_committed(project):
    # the words are put together here, so that this file does not find itself
    homes = "|".join(f"/{name}/" for name in ("work", "root", "home"))
    found = subprocess.run(
        [
            "git",
            "grep",
            "-nIE",
            f"(^|[^A-Za-z0-9_.}}])({homes})[a-z]",
            "--",
            "src",
            "workflow",
            "config",
            "profiles",
            "docs",
        ],
        cwd=project,
        capture_output=True,
        text=True,
    )
    assert found.stdout == ""
