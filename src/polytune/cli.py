"""The console command `polytune`: one subcommand per step, each imported only when it runs."""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager

INTERRUPTED, PIPE_CLOSED = 130, 141  # exit statuses as of a program that SIGINT or SIGPIPE ended
WRONG_USE = 2  # an option that there is not, or a value that it cannot have

# subcommand: (module that holds a function `command`, one line of help), in pipeline order
COMMANDS: dict[str, tuple[str, str]] = {
    "doctor": (
        "polytune.commands.doctor",
        "Check this machine, its software, disks and profiles, and say what to fix.",
    ),
    "new-study": ("polytune.commands.new_study", "Write a study file that says what differs from another study."),
    "plan": ("polytune.costs.forecast", "Show jobs, hours, memory, disk and price before anything is submitted."),
    "ledger": ("polytune.costs.ledger", "Sum the device-hours and the energy of finished runs per study."),
    "add-base": ("polytune.own.base", "Add a model directory as a base to your configuration."),
    "add-source": ("polytune.own.source", "Add files of instruction rows as a source to your configuration."),
    "split-source": ("polytune.own.split", "Split a source into rows to tune on and rows to ask, by paragraph."),
    "add-benchmark": ("polytune.own.benchmark", "Add tasks of the harness on your data to your configuration."),
    "prefetch": ("polytune.fetch.prefetch", "Fetch models, data and benchmarks: the one step with a network."),
    "digest-given": ("polytune.study.digest_given", "Digest a given directory, so that other content is noticed."),
    "build-vectors": ("polytune.languages.vectors", "Write the URIEL vectors of the languages."),
    "build-language-vectors": (
        "polytune.models.language_vectors",
        "Write vectors of languages from a base model's hidden states.",
    ),
    "read-urielplus": ("polytune.languages.urielplus", "Write the vectors of URIEL+ as a table for selections."),
    "build-similarity": ("polytune.languages.similarity", "Write the similarities of every pair of languages."),
    "select-languages": ("polytune.languages.selections", "Choose languages by their vectors, by family or at random."),
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
    "evaluate-run": ("polytune.evaluation.evaluate_run", "Evaluate a run on everything that it owes."),
    "evaluate-loss": ("polytune.evaluation.evaluate_loss", "Measure the loss of a run on the answers of a prompt set."),
    "read-prompts": ("polytune.prompts.read", "Read one language of a prompt set into parquet."),
    "generate": ("polytune.generation.generate", "Let runs answer the questions of prompt sets."),
    "identify": ("polytune.identification.identify", "Say in which language the answers of a run are."),
    "answer-null": ("polytune.judging.nulls", "Write the answers of a null responder, which no judge may like."),
    "judge": ("polytune.judging.judge", "Ask a judge for its verdicts on responses, nothing twice."),
    "import-judgments": ("polytune.judging.fastchat", "Read FastChat's judgments and answers as verdicts."),
    "import": ("polytune.imports.read", "Read results that were measured elsewhere into a table of scores."),
    "collect-scores": ("polytune.scores.collect", "Collect evaluations into one tidy table."),
    "draw-figure": ("polytune.figures.draw", "Draw one figure of a study."),
    "build-table": ("polytune.tables.build", "Write one table of a study."),
    "build-report": ("polytune.report.build", "Write the page of what was run, what it showed and what is missing."),
    "build-explorer": ("polytune.explorer.build", "Write one HTML file in which all results can be looked at."),
    "export": ("polytune.scores.export", "Write the scores of a study as Every Eval Ever or a model card has them."),
    "publish": ("polytune.commands.publish", "Prepare a repository of the hub for a run, and upload it if asked to."),
    "stale": ("polytune.study.stale", "List results that were made by older code."),
    "explain": ("polytune.commands.explain", "Say which rule makes a result, from what, with which settings."),
    "why": ("polytune.commands.why", "Say why something would be made again, setting by setting."),
    "compare": ("polytune.commands.compare", "Compare two runs item by item, with intervals and exact tests."),
    "completion": ("polytune.commands.completion", "Print a script with which a shell completes commands and options."),
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


@contextmanager
def one_line_failures(program: str) -> Iterator[None]:
    """End the process with one line and the right status for whatever a user, a disk or the machine's memory causes.

    A defect of Polytune keeps its traceback.
    """
    try:
        yield
        sys.stdout.flush()  # while a full disk below a log can still be told
    except KeyboardInterrupt:
        sys.exit(INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or Python complains when it exits
        sys.exit(PIPE_CLOSED)
    except EOFError as error:  # typer would say "Aborted!"
        raise RuntimeError("a file ended early where no reader of polytune.readers was asked") from error
    except Exception as error:
        line = _line_of(error)
        if line is None:
            raise
        sys.exit(f"{program}: {line}")


def _line_of(error: Exception) -> str | None:
    from polytune.errors import InputError
    from polytune.files import explain_failure
    from polytune.machine import is_out_of_memory

    if isinstance(error, InputError):
        return str(error)
    if is_out_of_memory(error):
        detail = f" ({error})" if str(error) else ""
        return f"not enough memory{detail}; give the job more (resources: mem_mb) or start fewer at a time"
    if isinstance(error, RecursionError):
        return "something that was read is nested too deeply; simplify it"
    return explain_failure(error)


def main(arguments: list[str] | None = None) -> None:
    """Run `polytune` with `arguments` (default: those of the process)."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if arguments[:2] == ["import", "judgments"]:  # beside `import csv`; a command of its own, with other options
        arguments = ["import-judgments", *arguments[2:]]
    sys.stdout.reconfigure(errors="backslashreplace")  # names of files need not be UTF-8
    name = arguments[0] if arguments else "help"
    with _end_of_connected_process(), one_line_failures(f"polytune {name}" if name in COMMANDS else "polytune"):
        _run(name, arguments[1:])


@contextmanager
def _end_of_connected_process() -> Iterator[None]:
    """End one of several connected processes without Python's shutdown, its output written and its status kept.

    DeepSpeed's parameters hold the process groups, so gloo's threads outlive them; one that frees its last tensor while
    Python shuts down aborts the process ("terminate called without an active exception"), whatever it has finished.
    """
    status: str | int | None = None
    try:
        yield
    except SystemExit as end:
        if not _is_connected():
            raise
        status = end.code
    if not _is_connected():
        return
    if isinstance(status, str):
        print(status, file=sys.stderr)
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(1 if isinstance(status, str) else status or 0)


def _is_connected() -> bool:
    module = sys.modules.get("polytune.training.deepspeed")
    return module is not None and module.Connection.made


def _run(name: str, options: list[str]) -> None:
    if name in ("-h", "--help", "help"):
        print(usage())
        return
    if name == "--version":
        from polytune import __version__

        print(f"polytune {__version__}")
        return
    if name not in COMMANDS:
        from polytune.errors import nearest

        sys.exit(f"polytune: no command '{name}'{nearest(name, COMMANDS)}\nSee 'polytune --help'.")
    if name != "prefetch":  # nothing else asks the hub, whatever the libraries would like to
        for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE", "TRANSFORMERS_OFFLINE"):
            os.environ[variable] = "1"
    import typer

    command = importlib.import_module(COMMANDS[name][0]).command
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode=None)
    # failures are caught inside typer as well, which has its own ways with some of them
    app.command(help=command.__doc__)(one_line_failures(f"polytune {name}")(command))
    try:
        status = app(options, prog_name=f"polytune {name}", standalone_mode=False)
    except Exception as error:
        if not hasattr(error, "format_message"):  # typer's own, whose classes it does not show
            raise
        print(f"polytune {name}: {_usage_in_words(error.format_message())}", file=sys.stderr)
        sys.exit(WRONG_USE)
    sys.exit(status or 0)  # of typer.Exit


def _usage_in_words(message: str) -> str:
    """Return what typer says of a wrong option in the words of the other messages, in one line."""
    text = " ".join(message.split()).removesuffix(".")
    if invalid := re.match(r"Invalid value for '(.+?)': (?:Value error, )?(.*)", text):
        option, said = invalid.groups()
        if choice := re.match(r"('.*') is not one of (.*)", said):
            return f"{option} is {choice[1]}; it must be one of {choice[2]}"
        return f"{option}: {said[0].lower()}{said[1:]}"
    return f"{text[0].lower()}{text[1:]}"


if __name__ == "__main__":
    main()
