"""What is imported is declared, what is declared is used or explained, and every list of versions says the same."""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
import yaml


def normal(name: str) -> str:
    """Return a distribution's name as package indexes compare it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def requirement(line: str) -> tuple[str, str]:
    """Return name and version of a requirement: `lm-eval==0.4.13` is lm-eval and 0.4.13, the version empty if open."""
    name, _, version = line.partition("==")
    return normal(re.split(r"[<>=;\s\[]", name)[0]), version


def imported_distributions(project: Path, *folders: str) -> dict[str, str]:
    """Return the distributions that the Python files below `folders` import, each with a file that does.

    A module that no distribution has (ours, those of scripts beside each other) is left out; one that belongs to
    several distributions counts for each.
    """
    providers = metadata.packages_distributions()
    found: dict[str, str] = {}
    for folder in folders:
        paths = sorted((project / folder).rglob("*.py"))
        assert paths, folder
        for path in paths:
            in_package = (path.parent / "__init__.py").is_file()  # whose imports name the whole package
            beside = set() if in_package else {other.stem for other in path.parent.glob("*.py")}
            beside |= {"tests", "polytune"}
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module] if isinstance(node, ast.ImportFrom) and not node.level else []
                for name in {name.partition(".")[0] for name in names}:
                    if name in sys.stdlib_module_names or name in beside:
                        continue
                    assert name in providers, f"{path}: '{name}' belongs to no installed distribution"
                    for distribution in providers[name]:
                        found.setdefault(normal(distribution), path.relative_to(project).as_posix())
    return found


@pytest.fixture(scope="module")
def declared(project) -> dict[str, str]:
    """The distributions of pyproject.toml with their versions, empty where the lock alone decides."""
    content = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return dict(map(requirement, content["dependencies"]))


@pytest.fixture(scope="module")
def lock(project) -> dict[str, str]:
    """The versions of constraints.txt."""
    lines = (project / "constraints.txt").read_text(encoding="utf-8").splitlines()
    return dict(requirement(line) for line in lines if line and not line.startswith("#"))


def test_what_is_imported_is_declared(project, declared):
    imported = imported_distributions(project, "src", "performance")
    assert len(imported) > 15
    missing = {name: where for name, where in imported.items() if name not in declared}
    assert not missing, f"pyproject.toml does not declare what is imported (name: first file): {missing}"


def test_what_the_tests_import_is_declared(project, declared):
    extra = tomllib.loads((project / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
    known = {*declared, *(requirement(line)[0] for line in extra["test"])}
    missing = {name: where for name, where in imported_distributions(project, "tests").items() if name not in known}
    assert not missing, f"neither 'dependencies' nor 'test' of pyproject.toml has (name: first file): {missing}"


def test_what_is_declared_is_imported_or_says_why(project, declared):
    imported = imported_distributions(project, "src", "performance")
    text = (project / "pyproject.toml").read_text(encoding="utf-8")
    lines = {requirement(name)[0]: comment for name, comment in re.findall(r'^ {4}"([^"]+)",(.*)$', text, re.MULTILINE)}
    assert set(declared) <= set(lines)
    silent = [name for name in declared if name not in imported and "#" not in lines[name]]
    assert silent == [], "declared, imported nowhere and without a comment that says what for"


def test_the_lock_has_what_the_project_asks_for(declared, lock):
    assert len(declared) > 20
    for name, version in declared.items():
        assert name in lock, f"constraints.txt lacks {name}"
        assert version in ("", lock[name]), f"{name}: {version} in pyproject.toml, {lock[name]} in constraints.txt"


def test_the_environment_of_the_steps_is_that_of_the_project(project, declared, lock):
    environments = sorted((project / "workflow/envs").glob("*.yaml"))
    assert environments
    for environment in environments:
        content = yaml.safe_load(environment.read_text(encoding="utf-8"))
        pins = next(entry["pip"] for entry in content["dependencies"] if isinstance(entry, dict))
        found = dict(map(requirement, pins))
        assert found == {name: lock[name] for name in found}, f"{environment.name} against constraints.txt"
        assert set(declared) <= set(found), environment.name


def test_every_rule_names_an_environment_that_exists(project):
    named = 0
    for path in sorted((project / "workflow/rules").glob("*.smk")):
        for name in re.findall(r'conda:\s*"([^"]+)"', path.read_text(encoding="utf-8")):
            assert (path.parent / name).is_file(), f"{path.name}: {name}"
            named += 1
    assert named > 10
