"""A plan as `polytune.costs` asks it: runs of one base on growing mixtures of one source, evaluated on benchmarks."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

from polytune.config.paths import Paths
from polytune.costs.jobs import stem
from polytune.mixtures.families import Recipe
from polytune.study.tokenization import read_alike

HYPERPARAMETERS = {"epochs": 3, "precision": "bf16", "max_length_tokens": 768}


class FakePlan:
    """Runs `{base}/{method}/{source}-{n}/seed1` on the first n languages, and the untuned base."""

    def __init__(
        self,
        base: str = "bloom-7b1",
        method: str = "full",
        languages: Iterable[str] = ("en", "zh", "af"),
        sizes: Iterable[int] = (1, 2),
        benchmarks: Iterable[str] = ("xcopa", "xnli"),
        parameters: int | None = 7_069_016_064,
        layers: int | None = 30,
        hidden: int | None = 4096,
        source: str = "bactrian-x",
        given: str = "",
        devices: tuple[int, int] = (1, 1),
        **changes,
    ) -> None:
        languages = tuple(languages)
        self.paths = Paths()
        self.config = {"training": {"zero_stage": 2, "micro_batch_tokens": 8192}, "scale": "full"}
        row = SimpleNamespace(parameters=parameters, architecture="decoder", layers=layers, hidden=hidden)
        self.bases = {base: SimpleNamespace(name=base, row=row)}
        self.sources = {source: SimpleNamespace(listed=source, rows=None)}
        self.recipes = {
            f"{source}-{size}": Recipe(f"{source}-{size}", source, languages[:size], {"rows": "all"}) for size in sizes
        }
        hyperparameters = {**HYPERPARAMETERS, **changes}
        self.tuned = {
            f"{base}/{method}/{name}/seed1": SimpleNamespace(
                base=self.bases[base],
                mixture=name,
                spec={"method": method, "hyperparameters": hyperparameters},
                tokens=SimpleNamespace(name="bloom-bactrian-x"),
                nodes=devices[0],
                devices_per_node=devices[1],
            )
            for name in self.recipes
        }
        self.readings = read_alike(self.tuned)
        untuned = SimpleNamespace(base=self.bases[base], spec=None)
        self.runs = {f"{base}/base/none/seed0": untuned, **self.tuned}
        self.pretraining: dict = {}
        rows = {
            name: SimpleNamespace(benchmark=name, hub_id=f"hub/{name}", languages=("et", "zh")) for name in benchmarks
        }
        self.owed = {
            run: [
                SimpleNamespace(name=name, origin="hub", benchmark=row, languages=None, items=None, directory="")
                for name, row in rows.items()
            ]
            for run in self.runs
        }
        for row in rows.values():
            row.split = "test"
        study = SimpleNamespace(name="s", scale="full", runs=self.runs, evaluations=self.owed)
        self.studies = {"s": study}
        judged = self.paths.verdicts(next(iter(self.runs)), "exact", "rating-3", "questions")
        self.answers = SimpleNamespace(files=lambda study: [judged])
        self.outside = SimpleNamespace(
            given_source=lambda source, language: given.replace("{language}", language),
            base=lambda base: SimpleNamespace(marker=f"resources/models/1/{base.name}/manifest.json"),
        )

    def parts(self, mixture: str) -> list[tuple[str, str]]:
        """Return (source, language) of every part of a mixture."""
        recipe = self.recipes[mixture]
        return [(recipe.source, code) for code in recipe.languages]

    def spec(self, about: str) -> str:
        """Return the file of the spec of one result."""
        return self.paths.spec(about, "0" * 12)

    def model(self, run: str) -> SimpleNamespace:
        """Return where the model of a run lies."""
        return SimpleNamespace(marker=self.paths.model_marker(run) if run in self.tuned else "resources/base.json")

    def summary(self, done: Iterable[str] = (), rules: Iterable[tuple[str, str]] = ()) -> list[dict[str, str]]:
        """Return what `snakemake --summary` says: outputs of `done` are up to date, `rules` are further jobs."""
        listed = [(f"train_{run.spec['method']}", self.paths.model_marker(path)) for path, run in self.tuned.items()]
        for path, owed in self.owed.items():
            listed += [("evaluate_run", self.paths.evaluation(path, one.origin, one.name)) for one in owed]
            listed += [("evaluate_run", self.paths.samples(path, one.origin, one.name)) for one in owed]
        for source, language in dict.fromkeys(part for name in self.recipes for part in self.parts(name)):
            rows, report = self.paths.rows(source, language), self.paths.report(source, language)
            listed += [("read_source", rows), ("read_source", report)]
            listed.append(("tokenize_source", self.paths.token_index("bloom-bactrian-x", source, language)))
        listed += [("fetch", f"resources/models/1/{base}/manifest.json") for base in self.bases]
        tables = (self.paths.scores, self.paths.runs_table, self.paths.items)
        listed += [("collect_scores", table("s", "full")) for table in tables]
        finished = {stem(path) for path in done}
        return [
            {"output_file": path, "rule": rule, "status": status, "plan": plan}
            for rule, path in [*listed, *rules]
            for status, plan in [("ok", "no update") if stem(path) in finished else ("missing", "update pending")]
        ]
