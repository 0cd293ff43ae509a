"""The project itself: the order of imports, its environments, its reference, its names."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
from functools import cache
from pathlib import Path

import pytest

from polytune.config.reference import DOCUMENTS

SUPPORT = ("errors", "files", "columns", "machine", "progress", "provenance", "readers", "config", "cluster")
STAGES = ("languages", "models", "world", "data", "mixtures", "training", "evaluation")
STAGES += ("prompts", "generation", "identification", "judging", "imports", "scores", "analysis", "figures", "tables")
STAGES += ("explorer",)
COMPOSING = ("own", "fetch", "study", "costs", "report", "cli", "commands")
"""Each place below `src/polytune`: support modules know no stage, a stage only earlier ones, the last compose them."""


@cache
def imports(project: Path) -> dict[str, set[str]]:
    """Return for each module of Polytune (`training.loss`) the modules of Polytune that it imports, wherever it does.

    What only type checkers see (`if TYPE_CHECKING:`) is no import.
    """
    source = project / "src/polytune"
    names = {
        ".".join(path.relative_to(source).with_suffix("").parts).removesuffix(".__init__"): path
        for path in source.rglob("*.py")
    }
    found: dict[str, set[str]] = {}
    for name, path in names.items():
        tree = ast.parse(path.read_text(encoding="utf-8"))
        hidden = {
            inner
            for node in ast.walk(tree)
            if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
            for statement in node.body
            for inner in ast.walk(statement)
        }
        asked = set()
        for node in ast.walk(tree):
            if node in hidden:
                continue
            if isinstance(node, ast.Import):
                asked |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{path} imports relatively"
                # `from polytune.training import loss` asks for the module, `... import LossError` for what is in it
                asked |= {f"{node.module}.{alias.name}" for alias in node.names} | {node.module}
        found[name] = {module.removeprefix("polytune.") for module in asked} & set(names) - {name, "__init__"}
    return found


def test_every_module_has_its_place(project):
    places = {name.partition(".")[0] for name in imports(project)} - {"__init__"}
    assert places == {*SUPPORT, *STAGES, *COMPOSING}


def test_imports_go_one_way(project):
    seen = 0
    for module, imported in imports(project).items():
        place = module.partition(".")[0]
        for other in {name.partition(".")[0] for name in imported} - {place}:
            seen += 1
            said = f"{module} imports from {other}"
            if place in SUPPORT:
                assert other in SUPPORT, said
            elif place == "models":
                assert other in (*SUPPORT, "languages"), f"{said}; models stand beside the pipeline"
            elif place in STAGES:
                assert other in (*SUPPORT, *STAGES[: STAGES.index(place)]), said
            elif place in COMPOSING:
                assert other in (*SUPPORT, *STAGES, *COMPOSING[: COMPOSING.index(place)]), said
    assert seen > 100


def test_no_modules_import_each_other(project):
    """No circle, inside a package or across: a module can be read after the modules that it imports."""
    graph = {module: set(imported) for module, imported in imports(project).items()}
    while free := [module for module, imported in graph.items() if not imported & set(graph)]:
        for module in free:
            del graph[module]
    assert not graph, f"in a circle, or importing one: {sorted(graph)}"


def test_the_engine_is_used_in_one_place(project):
    """`costs.jobs` asks Snakemake which jobs are due; every other module runs without it."""
    using = set()
    for path in (project / "src/polytune").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            asked = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            asked += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            # its name alone as a string: `python -m snakemake`, `import_module("snakemake")`
            asked += [str(node.value)] if isinstance(node, ast.Constant) else []
            if any(name.partition(".")[0] == "snakemake" for name in asked):
                using.add(path.relative_to(project / "src/polytune").as_posix())
    assert using == {"costs/jobs.py"}


def test_every_command_exists_and_explains_itself():
    from polytune.cli import COMMANDS

    assert len(COMMANDS) > 15
    for name, (module, help_line) in COMMANDS.items():
        command = importlib.import_module(module).command
        assert command.__doc__, name
        assert help_line.endswith("."), name


@pytest.mark.parametrize("page", DOCUMENTS)
def test_the_references_are_up_to_date(project, page):
    module, _, function = DOCUMENTS[page].partition(":")
    text = getattr(importlib.import_module(module), function)()
    assert (project / "docs" / page).read_text() == text, f"run 'polytune write-reference' and commit docs/{page}"


def test_every_command_and_option_stands_in_the_reference(project):
    """Options as typer's own parser has them, for each command a heading."""
    import typer

    from polytune.cli import COMMANDS

    text = (project / "docs/reference/cli.md").read_text()
    sections = dict(re.findall(r"^## ([\w-]+)\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL))
    assert list(sections) == list(COMMANDS)
    named = 0
    for name, (module, _) in COMMANDS.items():
        app = typer.Typer(add_completion=False)
        app.command()(importlib.import_module(module).command)
        for parameter in typer.main.get_command(app).params:
            for option in parameter.opts:
                assert f"`{option if option.startswith('-') else option.upper()}`" in sections[name], (name, option)
                named += 1
    assert named > 150


def test_the_licences_page_marks_what_is_not_for_commerce(project):
    lines = (project / "docs/licences.md").read_text().splitlines()
    marked = " ".join(line for line in lines if line.endswith("| no |"))
    assert all(f"`{name}`" in marked for name in ("bactrian-x", "alpaca-mt", "lima-x", "lima-oasst", "llama-7b"))
    assert not any(f"`{name}`" in marked for name in ("world", "mixtral-8x7b", "glotlid"))


@pytest.mark.parametrize(("folder", "longest"), [("src", 300), ("workflow", 300), ("performance", 300), ("tests", 400)])
def test_files_stay_readable(project, folder, longest):
    files = [path for ending in ("py", "smk") for path in (project / folder).rglob(f"*.{ending}")]
    assert len(files) > 5
    assert {path.name: lines for path in files if (lines := len(path.read_text().splitlines())) > longest} == {}


@pytest.mark.parametrize("name", ["utils", "helpers", "misc", "common_utils"])
def test_no_file_is_called(project, name):
    assert not [path for folder in ("src", "tests") for path in (project / folder).rglob(f"{name}.py")]


def test_no_path_of_a_developers_machine_is_committed(project):
    # the words are put together here, so that this file does not find itself
    homes = "|".join(f"/{name}/" for name in ("work", "root", "home"))
    places = ["src", "workflow", "config", "profiles", "docs", "tests", "performance", "README.md", "Makefile"]
    call = ["git", "grep", "-nIE", f"(^|[^A-Za-z0-9_.}}])({homes})[a-z]", "--", *places]
    found = subprocess.run(call, cwd=project, capture_output=True, text=True, check=False)
    assert found.stdout == ""
    assert found.returncode == 1, found.stderr
