"""Measure what the generated world can show, with the project's own engine, on seeds that no design choice has seen.

    python performance/world_quality.py --output quality --seeds 11 12 13

Per seed it builds the world, pre-trains the tiny base, tunes it on seven mixtures (growing data: 400 rows a language;
fixed budget: 8,000 rows in all) and evaluates every model with the harness's own tasks. It prints the
measures of docs/world.md and writes all accuracies to `accuracies.json`. A seed takes about eight minutes on one core.
Finished steps are kept.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from statistics import mean, stdev

import numpy as np
import yaml

from polytune.files import read_json, write_json
from polytune.world.settings import BASE_LANGUAGES, LANGUAGES, LUCKY52_ORDER, WorldSettings
from polytune.world.uriel import read_profiles

ROOT = Path(__file__).resolve().parents[1]
ORDER = LUCKY52_ORDER.split()
BENCHMARKS = ("xcopa-all", "xstorycloze", "xwinograd", "xnli", "pawsx")
GROWING = {"rows": 400}
FIXED = {"total_rows": 8000}
MIXTURES = {  # name: (languages, amount)
    "fixed-04": (ORDER[:4], FIXED),
    "fixed-16": (ORDER[:16], FIXED),
    "growing-52": (ORDER, GROWING),
    "fixed-52": (ORDER, FIXED),
    "growing-16": (ORDER[:16], GROWING),
    "growing-01": (ORDER[:1], GROWING),
    "replay-only": ([], GROWING),
}
REPLAY = 4000
CLOSE = 0.4  # similarity of lineages from which on a tuned language counts as a close relative

Accuracies = dict[str, dict[str, float]]  # benchmark -> language -> accuracy


def main() -> None:
    """Measure the seeds that are asked for and print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--output", type=Path, required=True, help="folder for worlds, models and results")
    parser.add_argument("--seeds", type=int, nargs="+", default=[11, 12, 13])
    parser.add_argument("--replay", type=int, default=REPLAY, help="pre-training texts in every mixture")
    parser.add_argument("--mixtures", nargs="+", choices=MIXTURES, default=list(MIXTURES), help="only these")
    arguments = parser.parse_args()
    mixtures = {name: MIXTURES[name] for name in arguments.mixtures}
    results = {}
    for seed in arguments.seeds:
        folder = arguments.output / f"seed{seed}"
        results[seed] = measure_world(WorldSettings(seed=seed), folder.resolve(), mixtures, arguments.replay)
    write_json(arguments.output / "accuracies.json", results)
    print(format_report(results))


def measure_world(
    settings: WorldSettings, folder: Path, mixtures: dict, replay: int, benchmarks: tuple[str, ...] = BENCHMARKS
) -> dict[str, Accuracies]:
    """Return the accuracies of the base and of every tuned model of one world; `mixtures` is like `MIXTURES`."""
    from polytune.mixtures.build import build_mixture
    from polytune.training import pretrain, train

    world, tokens = folder / "world", folder / "tokens"
    prepare_data(settings, folder)
    pretraining = yaml.safe_load((ROOT / "config" / "world.yaml").read_text())["pretraining"]["world-bloom"]
    tuning = yaml.safe_load((ROOT / "config" / "studies" / "lucky52.yaml").read_text())["world"]["hyperparameters"]
    texts = {"source": "texts", "languages": list(settings.base_languages), "seed": 1}
    everything = texts | {"name": "texts", "family": "parallel", "amount": {"rows": "all"}, "parallel": True}
    build_mixture(everything, folder / "data").write(folder / "texts.json")
    base = folder / "models" / "base"
    if not (base / "manifest.json").exists():
        pretrain.command(
            spec=write_spec(folder / "base.spec.json", "texts", pretraining),
            mixture=folder / "texts.json",
            tokens=tokens,
            config=world / "base-config",
            tokenizer=world / "tokenizer",
            output=base,
            work=folder / "work",
        )
    accuracies = {"base": evaluate_model(base, world, folder / "evaluations" / "base", benchmarks)}
    for name, (languages, amount) in mixtures.items():
        model = folder / "models" / name
        if not (model / "manifest.json").exists():
            recipe = {"name": name, "family": "incremental", "source": "instructions", "languages": languages}
            recipe |= {"amount": amount, "seed": 1, "parallel": True, "replay": texts | {"rows": replay}}
            build_mixture(recipe, folder / "data").write(folder / f"{name}.json")
            train.command(
                spec=write_spec(folder / f"{name}.spec.json", name, tuning),
                mixture=folder / f"{name}.json",
                tokens=tokens,
                base=base,
                output=model,
                work=folder / "work",
            )
        accuracies[name] = evaluate_model(model, world, folder / "evaluations" / name, benchmarks)
    return accuracies


def prepare_data(settings: WorldSettings, folder: Path) -> None:
    """Build the world and read and tokenise its texts and instructions."""
    from polytune.data import read, tokens
    from polytune.world.build import build_world

    world = folder / "world"
    if not (world / "world.json").exists():
        build_world(settings, world)
    for source, languages in (("instructions", settings.languages), ("texts", settings.base_languages)):
        for language in languages:
            rows, report = (folder / "data" / source / f"{language}{ending}" for ending in (".parquet", ".report.json"))
            if not (folder / "tokens" / source / language / "index.json").exists():
                file = world / source / "data" / f"{language}.json.gz"
                read.command(file=file, kind="bactrian-x", output=rows, report=report)
                tokens.command(
                    data=rows,
                    report=report,
                    tokenizer=world / "tokenizer",
                    template="world",
                    templates=ROOT / "config" / "templates.yaml",
                    output=folder / "tokens" / source / language,
                )


def write_spec(path: Path, mixture: str, hyperparameters: dict) -> Path:
    """Write the spec of a run; returns its path."""
    numbers = {key: float(value) if key == "learning_rate" else value for key, value in hyperparameters.items()}
    if "adam_epsilon" in numbers:
        numbers["adam_epsilon"] = float(numbers["adam_epsilon"])
    content = {"base": "world-bloom", "method": "full", "mixture": mixture, "seed": 1, "hyperparameters": numbers}
    write_json(path, content)
    return path


def evaluate_model(model: Path, world: Path, folder: Path, benchmarks: tuple[str, ...]) -> Accuracies:
    """Return the accuracies of one model on `benchmarks`."""
    from polytune.evaluation import evaluate

    accuracies = {}
    for benchmark in benchmarks:
        output = folder / f"{benchmark}.json"
        if not output.exists():
            evaluate.command(
                model=model,
                benchmark=benchmark,
                data=world / "benchmarks",
                output=output,
                samples=folder / f"{benchmark}.samples.parquet",
                together=",".join(benchmarks),
            )
        results = read_json(output)
        tasks = results["polytune"]["tasks"]
        accuracies[benchmark] = {language: results["results"][task]["acc,none"] for language, task in tasks.items()}
    return accuracies


def genetic_similarity() -> dict[str, dict[str, float]]:
    """Return the cosine of the lineages of every two languages (1 with itself)."""
    nodes = {language: set(profile.lineage) for language, profile in read_profiles(LANGUAGES).items()}
    return {
        a: {b: len(nodes[a] & nodes[b]) / (len(nodes[a]) * len(nodes[b])) ** 0.5 for b in LANGUAGES} for a in LANGUAGES
    }


def group_means(scores: dict[str, float], tuned: list[str], seen: tuple[str, ...]) -> dict[str, float]:
    """Return the mean accuracy of seen/unseen (by the base) x tuned/untuned languages, and of all."""
    groups: dict[str, list[float]] = {}
    for language, accuracy in scores.items():
        group = f"{'seen' if language in seen else 'unseen'} {'tuned' if language in tuned else 'untuned'}"
        groups.setdefault(group, []).append(accuracy)
        groups.setdefault("all", []).append(accuracy)
    return {group: mean(values) for group, values in sorted(groups.items())}


def transfer(tuned: list[str], seen: tuple[str, ...], after: dict[str, float], before: dict[str, float]):
    """Return how unseen, untuned languages gain with and without a close relative, and the gain's correlation."""
    similarity = genetic_similarity()
    others = [language for language in after if language not in seen and language not in tuned]
    gains = {language: after[language] - before[language] for language in others}
    close = [gain for language, gain in gains.items() if max(similarity[language][t] for t in tuned) >= CLOSE]
    distant = [gain for language, gain in gains.items() if max(similarity[language][t] for t in tuned) < CLOSE]
    sums = [sum(similarity[language][t] for t in tuned) for language in others]
    return {
        "gain with a close relative": mean(close),
        "gain without": mean(distant),
        "r(gain, similarity)": float(np.corrcoef(list(gains.values()), sums)[0, 1]),
    }


def format_report(results: dict[int, dict[str, Accuracies]]) -> str:
    """Return the measures of every mixture: mean (sd over seeds), then the seeds."""
    lines: dict[str, list[float]] = {}
    for models in results.values():
        for name, accuracies in models.items():
            tuned = MIXTURES[name][0] if name in MIXTURES else []
            for benchmark, scores in accuracies.items():
                for group, value in group_means(scores, tuned, BASE_LANGUAGES).items():
                    lines.setdefault(f"{name} | {benchmark} | {group}", []).append(value)
            if 1 <= len(tuned) < 52:
                gains = transfer(tuned, BASE_LANGUAGES, accuracies["xcopa-all"], models["base"]["xcopa-all"])
                for measure, value in gains.items():
                    lines.setdefault(f"{name} | xcopa-all | {measure}", []).append(value)
    report = []
    for label, values in lines.items():
        spread = f" ({stdev(values):.3f})" if len(values) > 1 else ""
        report.append(f"{label} | {mean(values):.3f}{spread} | " + " ".join(f"{value:.3f}" for value in values))
    return "\n".join(report)


if __name__ == "__main__":
    sys.exit(main())
