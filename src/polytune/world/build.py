"""`polytune build-world`: write one generated world, byte for byte the same for the same seed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from polytune.files import atomic_directory, sha256_file, write_json, write_text
from polytune.progress import track
from polytune.world.benchmarks import BENCHMARKS, Benchmark
from polytune.world.instructions import write_tasks
from polytune.world.lexicon import NAMES
from polytune.world.settings import WorldSettings, settings_of_size
from polytune.world.texts import write_texts
from polytune.world.tokenizer import build_tokenizer, save_tokenizer
from polytune.world.world import World


def command(
    output: Annotated[Path, typer.Option(help="Folder of the world; it is replaced as a whole.")],
    seed: Annotated[int, typer.Option(help="Everything random in the world follows from it.")] = 1,
    size: Annotated[str, typer.Option(help="default (57 languages) or tiny (fewer texts and rows).")] = "default",
) -> None:
    """Generate the built-in multilingual world: instructions, texts, benchmarks, questions, tokenizer and truth."""
    build_world(settings_of_size(size, seed), output)


def build_world(settings: WorldSettings, output: Path) -> None:
    """Write the world of `settings` to the folder `output` (layout: docs/architecture.md, "World")."""
    world = World.draw(settings)
    with atomic_directory(output) as folder:
        write_instructions(world, folder / "instructions" / "data")
        for corpus in settings.corpora:
            write_corpus(world, corpus, folder / corpus / "data")
        for benchmark in BENCHMARKS:
            write_benchmark(benchmark, world, folder / "benchmarks")
        write_question_files(world, folder / "prompts" / "questions")
        write_tokenizer(world, folder / "tokenizer")
        write_json(folder / "truth.json", world.describe_truth())
        write_lexicons(world, folder / "lexicon.parquet")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
        write_json(folder / "world.json", {"settings": asdict(settings), "files": digests})


def write_instructions(world: World, folder: Path) -> None:
    """Write the instruction rows of every language; the same id is the same row."""
    tasks = write_tasks(world.settings, world.facts)
    for language in track(world.settings.languages, "instructions", unit="language"):
        grammar = world.grammar(language, guarded=True)
        write_rows(folder / f"{language}.json.gz", "item", (task(grammar) for task in tasks))


def write_corpus(world: World, corpus: str, folder: Path) -> None:
    """Write the texts that bases are pre-trained on, in the same layout with empty prompts."""
    grammars = {language: world.grammar(language, guarded=True) for language in world.settings.corpora[corpus]}
    for language in track(grammars, corpus, unit="language"):
        texts = write_texts(world.settings, world.facts, grammars, corpus, language)
        write_rows(folder / f"{language}.json.gz", f"text-{language}", (("", "", text) for text in texts))


def write_benchmark(benchmark: Benchmark, world: World, folder: Path) -> None:
    """Write one benchmark as a data set that `datasets.load_dataset` reads, and the task files the harness lacks."""
    splits = benchmark.write_splits(world.settings, world.facts)
    dataset = folder / benchmark.hub_id
    names = []
    for language in world.settings.languages:
        if benchmark.languages is not None and language not in benchmark.languages:
            continue
        grammar = world.grammar(language, guarded=False)
        names.append(benchmark.config_name(language))
        for split, items in splits.items():
            lines = (json.dumps(item, ensure_ascii=False) + "\n" for item in items(grammar))
            write_text(dataset / "data" / f"{split}.{names[-1]}.jsonl", "".join(lines))
        task = benchmark.write_task(grammar) if benchmark.write_task else None
        if task is not None:
            write_json(folder / "tasks" / f"{benchmark.name}_{language}.yaml", task)
    write_text(dataset / "README.md", dataset_card(benchmark, names))


def write_question_files(world: World, folder: Path) -> None:
    """Write the open questions of every language in FastChat's layout, with the true answers as references."""
    for language in world.settings.languages:
        grammar = world.grammar(language, guarded=False)
        records = (
            {
                "question_id": f"{number}_{language.upper()}",
                "category": question.kind,
                "turns": question.tell_turns(grammar),
                "reference": question.tell_answers(grammar),
            }
            for number, question in enumerate(world.questions, start=1)
        )
        lines = (json.dumps(record, ensure_ascii=False) + "\n" for record in records)
        write_text(folder / f"{language}.jsonl", "".join(lines))


def dataset_card(benchmark: Benchmark, names: list[str]) -> str:
    """Return the README.md that tells `datasets` which files belong to which configuration."""
    lines = ["---", "configs:"]
    for name in names:
        lines += [f'- config_name: "{name}"', "  data_files:"]
        for split in (*benchmark.example_splits, benchmark.split):
            lines += [f"  - split: {split}", f"    path: data/{split}.{name}.jsonl"]
    return "\n".join([*lines, "---", "", f"Generated items in the layout of {benchmark.hub_id}; no real language.", ""])


def write_rows(path: Path, prefix: str, rows: Iterable[tuple[str, str, str]]) -> None:
    """Write rows in Bactrian-X's layout: a gzipped JSON list of {id, instruction, input, output}."""
    records = [
        {"id": f"{prefix}-{number:06d}", "instruction": instruction, "input": given, "output": output}
        for number, (instruction, given, output) in enumerate(rows)
    ]
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(records, ensure_ascii=False, indent=0)
    path.write_bytes(gzip.compress(text.encode("utf-8"), compresslevel=5, mtime=0))


def write_tokenizer(world: World, folder: Path) -> None:
    """Write the tokenizer that all bases of the world share."""
    forms = (word.form for lexicon in world.lexicons.values() for word in lexicon.values())
    save_tokenizer(build_tokenizer({*NAMES, *(part for form in forms for part in form.split())}), folder)


def write_lexicons(world: World, path: Path) -> None:
    """Write one row per language and concept."""
    import pyarrow
    import pyarrow.parquet

    rows = [
        {"language": language, "concept": concept, "form": word.form, "origin": word.origin}
        for language, lexicon in world.lexicons.items()
        for concept, word in lexicon.items()
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
