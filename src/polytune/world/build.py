"""`polytune build-world`: write one generated world, byte for byte the same for the same seed."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from polytune.files import atomic_directory, sha256_file, write_json, write_text
from polytune.progress import track
from polytune.world.benchmarks import BENCHMARKS, Benchmark
from polytune.world.facts import Facts, build_facts
from polytune.world.grammar import Grammar
from polytune.world.instructions import write_tasks
from polytune.world.lexicon import NAMES, Lexicon, build_lexicons
from polytune.world.models import bloom_config, mt5_config
from polytune.world.settings import WorldSettings, settings_of_size
from polytune.world.texts import write_texts
from polytune.world.tokenizer import END, PADDING, build_tokenizer, save_tokenizer
from polytune.world.uriel import Profile, read_profiles


def command(
    output: Annotated[Path, typer.Option(help="Folder of the world; it is replaced as a whole.")],
    seed: Annotated[int, typer.Option(help="Everything random in the world follows from it.")] = 1,
    size: Annotated[str, typer.Option(help="default (57 languages) or tiny (8, for tests).")] = "default",
) -> None:
    """Generate the built-in multilingual world: instructions, texts, benchmarks, tokenizer and truth."""
    build_world(settings_of_size(size, seed), output)


def build_world(settings: WorldSettings, output: Path) -> None:
    """Write the world of `settings` to the folder `output` (layout: docs/architecture.md, "World")."""
    profiles = read_profiles(settings.languages)
    facts = build_facts(settings)
    lexicons = build_lexicons(settings, facts, profiles)
    with atomic_directory(output) as folder:
        write_instructions(settings, facts, lexicons, profiles, folder / "instructions")
        write_base_texts(settings, facts, lexicons, profiles, folder / "texts")
        for benchmark in BENCHMARKS:
            write_benchmark(benchmark, settings, facts, lexicons, profiles, folder)
        write_tokenizer_and_configs(lexicons, folder)
        write_json(folder / "truth.json", describe_truth(settings, facts, profiles))
        write_lexicons(lexicons, folder / "lexicon.parquet")
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        digests = {path.relative_to(folder).as_posix(): sha256_file(path) for path in files}
        write_json(folder / "world.json", {"settings": asdict(settings), "files": digests})


def write_instructions(
    settings: WorldSettings, facts: Facts, lexicons: dict[str, Lexicon], profiles: dict[str, Profile], folder: Path
) -> None:
    """Write the instruction rows of every language; the same id is the same row."""
    tasks = write_tasks(settings, facts)
    for language in track(settings.languages, "instructions", unit="language"):
        grammar = Grammar(facts, lexicons[language], profiles[language], guarded=True)
        write_rows(folder / "data" / f"{language}.json.gz", "item", (task(grammar) for task in tasks))


def write_base_texts(
    settings: WorldSettings, facts: Facts, lexicons: dict[str, Lexicon], profiles: dict[str, Profile], folder: Path
) -> None:
    """Write the texts of the base's languages, in the same layout with empty prompts."""
    grammars = {
        language: Grammar(facts, lexicons[language], profiles[language], guarded=True)
        for language in settings.base_languages
    }
    for language in track(settings.base_languages, "texts", unit="language"):
        texts = write_texts(settings, facts, grammars, language)
        write_rows(folder / "data" / f"{language}.json.gz", f"text-{language}", (("", "", text) for text in texts))


def write_benchmark(
    benchmark: Benchmark,
    settings: WorldSettings,
    facts: Facts,
    lexicons: dict[str, Lexicon],
    profiles: dict[str, Profile],
    folder: Path,
) -> None:
    """Write one benchmark as a data set that `datasets.load_dataset` reads, and the task files the harness lacks."""
    splits = benchmark.write_splits(settings, facts)
    dataset = folder / "benchmarks" / benchmark.hub_id
    names = []
    for language in settings.languages:
        if benchmark.languages is not None and language not in benchmark.languages:
            continue
        grammar = Grammar(facts, lexicons[language], profiles[language], guarded=False)
        names.append(benchmark.config_name(language))
        for split, items in splits.items():
            lines = (json.dumps(item, ensure_ascii=False) + "\n" for item in items(grammar))
            write_text(dataset / "data" / f"{split}.{names[-1]}.jsonl", "".join(lines))
        task = benchmark.write_task(grammar) if benchmark.write_task else None
        if task is not None:
            write_json(folder / "benchmarks" / "tasks" / f"{benchmark.name}_{language}.yaml", task)
    write_text(dataset / "README.md", dataset_card(benchmark, names))


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


def write_tokenizer_and_configs(lexicons: dict[str, Lexicon], folder: Path) -> None:
    """Write the tokenizer and the configurations of the base models that go with it."""
    forms = (word.form for lexicon in lexicons.values() for word in lexicon.values())
    tokenizer = build_tokenizer({*NAMES, *(part for form in forms for part in form.split())})
    save_tokenizer(tokenizer, folder / "tokenizer")
    numbers = (tokenizer.get_vocab_size(), tokenizer.token_to_id(PADDING), tokenizer.token_to_id(END))
    write_json(folder / "base-config" / "config.json", bloom_config(*numbers))
    write_json(folder / "base-config-encoder-decoder" / "config.json", mt5_config(*numbers))


def describe_truth(settings: WorldSettings, facts: Facts, profiles: dict[str, Profile]) -> dict[str, Any]:
    """Return what is true in the world and what was held out of its texts and instructions."""
    return {
        "agents": NAMES[: facts.agents],
        "events": [
            asdict(event) | {"following": facts.following(number), "opposite": facts.opposite(number)}
            for number, event in enumerate(facts.events)
        ],
        "adjectives_of_objects": facts.adjectives,
        "held_out": {
            "agent_and_event": sorted(facts.held_out),
            "objects": sorted(facts.held_out_objects),
        },
        "languages": {
            language: {
                "in_base": language in settings.base_languages,
                "lineage": profile.lineage,
                "order": profile.order,
                "has_prepositions": profile.has_prepositions,
                "adjective_precedes": profile.adjective_precedes,
            }
            for language, profile in profiles.items()
        },
    }


def write_lexicons(lexicons: dict[str, Lexicon], path: Path) -> None:
    """Write one row per language and concept."""
    import pyarrow
    import pyarrow.parquet

    rows = [
        {"language": language, "concept": concept, "form": word.form, "origin": word.origin}
        for language, lexicon in lexicons.items()
        for concept, word in lexicon.items()
    ]
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(rows), path)
