"""The console command `polytune`: one subcommand per step, each imported only when it runs."""

from __future__ import annotations

import importlib
import os
import sys

# subcommand: (module that holds a function `command`, one line of help), in pipeline order
COMMANDS: dict[str, tuple[str, str]] = {
    "plan": ("polytune.costs.forecast", "Show jobs, hours, memory, disk and price before anything is submitted."),
    "ledger": ("polytune.costs.ledger", "Sum the device-hours and the energy of finished runs per study."),
    "prefetch": ("polytune.fetch.prefetch", "Fetch models, data and benchmarks: the one step with a network."),
    "build-vectors": ("polytune.languages.vectors", "Write the URIEL vectors of the languages."),
    "build-similarity": ("polytune.languages.similarity", "Write the similarities of every pair of languages."),
    "select-languages": ("polytune.languages.selections", "Choose languages by k-means on their vectors."),
    "build-world": ("polytune.world.build", "Generate the built-in multilingual world."),
    "read-source": ("polytune.data.read", "Read one language of an instruction source into parquet."),
    "tokenize-source": ("polytune.data.tokens", "Tokenise one language of a source, once per tokenizer."),
    "build-mixture": ("polytune.mixtures.build", "Write the manifest of one mixture."),
    "pretrain-base": ("polytune.training.pretrain", "Pre-train the world's tiny base model."),
    "train": ("polytune.training.train", "Tune a base model on a mixture (full or LoRA)."),
    "preflight": ("polytune.cluster.preflight", "Assert that a job's processes see their devices and each other."),
    "launch": ("polytune.cluster.launch", "Start a training on one or many devices."),
    "wait": ("polytune.cluster.wait", "Wait for jobs that an earlier start left in Slurm's queue."),
    "evaluate": ("polytune.evaluation.evaluate", "Evaluate a model on a benchmark with lm-evaluation-harness."),
    "collect-scores": ("polytune.scores.collect", "Collect evaluations into one tidy table."),
    "draw-figure": ("polytune.figures.draw", "Draw one figure of a study."),
    "build-table": ("polytune.tables.build", "Write one table of a study."),
    "stale": ("polytune.study.stale", "List results that were made by older code."),
    "write-reference": ("polytune.config.reference", "Write the configuration reference from the schemas."),
}


def usage() -> str:
    """Return the top-level help text."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {help_line}" for name, (_, help_line) in COMMANDS.items()]
    return "\n".join(
        [
            "Usage: polytune COMMAND [OPTIONS]",
            "",
            "The steps of the workflow, in order. Snakemake calls them; each can be called alone.",
            "",
            *lines,
            "",
            "'polytune COMMAND --help' explains a step; 'polytune --version' prints the version.",
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Run `polytune` with `arguments` (default: those of the process); an `InputError` becomes one clear line."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(usage())
        return
    if arguments[0] == "--version":
        from polytune import __version__

        print(f"polytune {__version__}")
        return
    from polytune.errors import InputError, nearest

    name, *rest = arguments
    if name not in COMMANDS:
        sys.exit(f"polytune: no command '{name}'{nearest(name, COMMANDS)}\nSee 'polytune --help'.")
    if name != "prefetch":  # nothing else asks the hub, whatever the libraries would like to
        for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
            os.environ[variable] = "1"
    import typer

    module = importlib.import_module(COMMANDS[name][0])
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    app.command(help=module.command.__doc__)(module.command)
    try:
        app(rest, prog_name=f"polytune {name}")
    except InputError as error:
        sys.exit(f"polytune {name}: {error}")


if __name__ == "__main__":
    main()
