"""`polytune add-benchmark`: tasks of lm-evaluation-harness on local data as a benchmark of the user's own."""

from __future__ import annotations

from pathlib import Path
from statistics import mean
from typing import Annotated, Any, get_args, get_type_hints

import typer

from polytune.config.benchmarks import Benchmark
from polytune.errors import InputError, nearest
from polytune.evaluation.documents import Documents, find_files
from polytune.evaluation.tasks import evaluated_split, list_tasks, load_tasks, read_rows, read_tasks
from polytune.languages.codes import from_task_code
from polytune.own.writing import write_entries

SCHEMES: tuple[str, ...] = get_args(get_type_hints(Benchmark)["code_scheme"])


def find_tasks(name: str, folder: str, prefix: str, data: Path) -> Benchmark:
    """Return the benchmark that task files tell: its languages are those whose data lies there and which we have.

    Its columns are not known yet. Raises `InputError` where no task fits, no data is found, or where the tasks differ
    in data set or split.
    """
    draft = Benchmark(name, folder, prefix, "language", "-", "", (), ())
    tasks = read_tasks(draft, data)
    prefix, mine = _find_codes(prefix, tasks)
    if not mine:
        raise InputError(f"lm_eval/tasks/{folder}: no task begins with '{prefix}'{nearest(prefix, tasks)}")
    there = {code: content for code, content in mine.items() if _has_data(content, data)}
    if not there:
        ids = ", ".join(sorted({str(content.get("dataset_path")) for content in mine.values()}))
        raise InputError(f"{data}: no data of {ids}, in a folder of that name and one of the layouts")
    scheme = max(SCHEMES, key=lambda one: sum(_knows(code, one) for code in there))
    unknown = [code for code in there if not _knows(code, scheme)]
    if len(unknown) == len(there):
        raise InputError(
            f"lm_eval/tasks/{folder}: after '{prefix}' comes no code of a language, but {' '.join(unknown)}; "
            "the prefix ends where the code begins"
        )
    if unknown:
        print(f"left out, since config/languages.tsv has no such language: {' '.join(unknown)}")
    known = {code: content for code, content in there.items() if code not in unknown}
    places = {(str(content["dataset_path"]), evaluated_split(content)) for content in known.values()}
    if len(places) != 1:
        raise InputError(f"lm_eval/tasks/{folder}: '{prefix}*' read more than one data set or split: {sorted(places)}")
    return Benchmark(name, folder, prefix, scheme, *places.pop(), tuple(known), ())


def _find_codes(prefix: str, tasks: dict[str, dict]) -> tuple[str, dict[str, dict]]:
    """Return the prefix and what follows it in the names of tasks; the whole name of one task is that task alone."""
    named = [task for task in tasks if task.startswith(prefix)]
    if named == [prefix]:
        # the shortest ending that is a language: `eu` of `truthfulqa-multi_mc1_eu`, `deu_Latn` of `belebele_deu_Latn`
        endings = [prefix[place + 1 :] for place in range(len(prefix) - 1, 0, -1) if prefix[place] in "_-"]
        for code in endings:
            if any(_knows(code, scheme) for scheme in SCHEMES):
                return prefix.removesuffix(code), {code: tasks[prefix]}
        raise InputError(f"the task '{prefix}' does not end with the code of a language of config/languages.tsv")
    return prefix, {task.removeprefix(prefix): tasks[task] for task in named if task != prefix}


def _has_data(content: dict[str, Any], data: Path) -> bool:
    try:
        return bool(find_files(data / content["dataset_path"], str(content["dataset_name"]), evaluated_split(content)))
    except (InputError, KeyError):
        return False


def _knows(code: str, scheme: str) -> bool:
    try:
        return bool(from_task_code(code, scheme))
    except InputError:
        return False


def chance_of(benchmark: Benchmark, data: Path, tasks: dict[str, dict], rows: dict[str, Documents]) -> float:
    """Return the accuracy of guessing: the mean over all items of one by the number of their choices."""
    loaded = load_tasks(benchmark, data, tasks, rows)["tasks"].values()
    return mean(1 / len(task.doc_to_choice(document)) for task in loaded for document in task.eval_docs)


def command(
    folder: Annotated[str, typer.Argument(help="Folder of the harness's task files, below lm_eval/tasks.")],
    prefix: Annotated[
        str,
        typer.Argument(help="What its tasks' names begin with, before the language's code; or one task's whole name."),
    ],
    data: Annotated[Path, typer.Option(help="Directory with data sets in folders named like their hub ids.")],
    config: Annotated[Path, typer.Option("--configfile", help="Your configuration file; made if it is not there.")],
    name: Annotated[str, typer.Option(help="Its name in studies: a-z, 0-9 and dashes.")],
    title: Annotated[str, typer.Option(help="The name as figures and tables show it. Default: the name.")] = "",
    parallel: Annotated[
        bool, typer.Option(help="Whether the languages' items are translations of one another, row by row.")
    ] = False,
) -> None:
    """Add a benchmark of your own to a configuration: tasks of the harness whose data lies in a directory."""
    from polytune.evaluation.harness import prepare_environment

    if not data.is_dir():
        raise InputError(f"--data: {data}: no such directory")
    found = find_tasks(name, folder, prefix, data)
    tasks = list_tasks(found, data, None)
    rows = read_rows(found, data, tasks)
    counts = {language: len(documents) for language, documents in rows.items()}
    if parallel and len(set(counts.values())) > 1:
        raise InputError(f"--parallel: the languages have different numbers of items: {counts}")
    prepare_environment()
    columns = set.intersection(*(set(documents.features) for documents in rows.values()))
    row = {
        "title": title or name,
        "harness_folder": folder,
        "task_prefix": found.task_prefix,
        "code_scheme": found.code_scheme,
        "hub_id": found.hub_id,
        "split": found.split,
        "chance": round(chance_of(found, data, tasks, rows), 4),
        "parallel": parallel,
        "languages": list(found.languages),
        "columns": [column for column in next(iter(rows.values())).features if column in columns],
    }
    root = str(data.resolve())
    write_entries(config, [(("own", "benchmarks", name), row), (("locations", "benchmarks"), root)])
    print(f"{config}: benchmark '{name}': {', '.join(f'{code} {count:,}' for code, count in counts.items())} items")
    print(
        f"guessing gives {row['chance']}; "
        f"try it: polytune evaluate --benchmark {name} --configfile {config} --items 20 ..."
    )
