"""Where everything lies, written once: rules, programs and forecasts ask here.

Names are parts of a path that stay as they are, wildcards of a rule (`paths.model("{run}")`) as well as values.
`{run}` is `base/method/mixture/seedN`, `{study}` and `{scale}` always stand together. A *marker* is the small file that
the workflow depends on: written last, with the digest of what it stands for.
"""

from __future__ import annotations

from dataclasses import dataclass

FIGURE_FORMATS = ("pdf", "svg", "png", "csv")
TABLE_FORMATS = ("csv", "md", "tex")
ANY_RUN = "*/*/*/*"
"""In place of `{run}`: the pattern of every run's path."""


@dataclass(frozen=True)
class Paths:
    """The three roots of `storage` in the configuration, and every path below them."""

    results: str = "results"
    work: str = "work"
    resources: str = "resources"

    # --- what a result was asked to be: one small JSON file each, named by its content (study/specs.py) ---

    def spec(self, about: str, digest: str) -> str:
        """Return the file of the settings that decide one result; `about` is what they are about."""
        return f"{self.results}/specs/{about}/{digest}.json"

    # --- languages and the generated world ---

    @property
    def vectors(self) -> str:
        return f"{self.results}/languages/vectors.parquet"

    @property
    def similarity(self) -> str:
        return f"{self.results}/languages/similarity.parquet"

    def selection(self, selection: str) -> str:
        return f"{self.results}/languages/selections/{selection}.json"

    def language_vectors(self, vectors: str) -> str:
        """Return the vectors of languages that a base gave."""
        return f"{self.results}/languages/models/{vectors}.parquet"

    def model_similarity(self, vectors: str) -> str:
        """Return the similarities of languages with those by vectors that a base gave."""
        return f"{self.results}/languages/models/{vectors}.similarity.parquet"

    def world(self, world: str) -> str:
        """Return the folder of a generated world; its marker is `world.json` in it."""
        return f"{self.results}/world/{world}"

    def world_marker(self, world: str) -> str:
        return f"{self.world(world)}/world.json"

    # --- data ---

    def rows(self, source: str, language: str) -> str:
        return f"{self.results}/data/{source}/{language}.parquet"

    def report(self, source: str, language: str) -> str:
        """Return the marker of the rows: what was read, kept and dropped, and their digest."""
        return f"{self.results}/data/{source}/{language}.report.json"

    def tokens(self, tokens: str) -> str:
        """Return the folder of the token stores of one tokenizer, template and shape."""
        return f"{self.results}/tokens/{tokens}"

    def token_index(self, tokens: str, source: str, language: str) -> str:
        """Return the marker of one token store."""
        return f"{self.tokens(tokens)}/{source}/{language}/index.json"

    # --- mixtures and models ---

    def mixture(self, mixture: str) -> str:
        return f"{self.results}/mixtures/{mixture}.json"

    def base(self, base: str) -> str:
        """Return the folder of a base of the generated world."""
        return f"{self.results}/bases/{base}"

    def base_marker(self, base: str) -> str:
        return f"{self.base(base)}/manifest.json"

    def run(self, run: str) -> str:
        return f"{self.results}/runs/{run}"

    def model(self, run: str) -> str:
        return f"{self.run(run)}/model"

    def model_marker(self, run: str) -> str:
        return f"{self.model(run)}/manifest.json"

    # --- evaluations: origin is where the benchmark's data comes from (world, directory, hub) ---

    def evaluation(self, run: str, origin: str, evaluation: str) -> str:
        return f"{self.run(run)}/evaluations/{origin}/{evaluation}.json"

    def samples(self, run: str, origin: str, evaluation: str) -> str:
        return f"{self.run(run)}/evaluations/{origin}/{evaluation}.samples.parquet"

    # --- free answers ---

    def prompts(self, prompts: str, language: str) -> str:
        return f"{self.results}/prompts/{prompts}/{language}.parquet"

    def prompts_report(self, prompts: str, language: str) -> str:
        """Return the marker of one language of a prompt set."""
        return f"{self.results}/prompts/{prompts}/{language}.report.json"

    def responses(self, run: str, responses: str) -> str:
        """Return the marker of what a run answered; the answers are in the parquet file beside it."""
        return f"{self.run(run)}/responses/{responses}.json"

    def loss(self, run: str, responses: str) -> str:
        """Return the marker of a run's loss on the reference answers; the table of rows is beside it."""
        return f"{self.run(run)}/losses/{responses}.json"

    def identified(self, run: str, identifier: str, responses: str) -> str:
        """Return the marker of which languages the answers are in."""
        return f"{self.run(run)}/identified/{identifier}/{responses}.json"

    def verdicts(self, run: str, judge: str, protocol: str, responses: str, opponent: str = "") -> str:
        """Return the marker of verdicts; `opponent` is the other run where two answers are set side by side."""
        folder = f"{self.run(run)}/verdicts/{judge}/{protocol}/{responses}"
        return f"{folder}/against/{opponent}.json" if opponent else f"{folder}.json"

    def journal(self, judge: str) -> str:
        """Return the folder that keeps every answer of a judge."""
        return f"{self.results}/journals/{judge}"

    # --- results that were measured elsewhere ---

    def imported(self, study: str, name: str) -> str:
        """Return the table of one import of a study; its items end in `.samples.parquet`."""
        return f"{self.results}/imports/{study}/{name}.parquet"

    def import_marker(self, study: str, name: str) -> str:
        """Return the marker of an import: files with their digests, what was left out."""
        return f"{self.results}/imports/{study}/{name}.report.json"

    # --- scores, figures, tables ---

    def scores(self, study: str, scale: str) -> str:
        return f"{self.results}/scores/{study}/{scale}/scores.parquet"

    def runs_table(self, study: str, scale: str) -> str:
        return f"{self.results}/scores/{study}/{scale}/runs.parquet"

    def items(self, study: str, scale: str) -> str:
        return f"{self.results}/scores/{study}/{scale}/items.parquet"

    def checks(self, study: str, scale: str) -> str:
        return f"{self.results}/scores/{study}/{scale}/checks.parquet"

    def confusion(self, study: str, scale: str) -> str:
        return f"{self.results}/scores/{study}/{scale}/confusion.parquet"

    def figure(self, study: str, scale: str, figure: str) -> str:
        """Return the path of a figure without its ending (`FIGURE_FORMATS`)."""
        return f"{self.results}/studies/{study}/{scale}/figures/{figure}"

    def table(self, study: str, scale: str, table: str) -> str:
        """Return the path of a table without its ending (`TABLE_FORMATS`)."""
        return f"{self.results}/studies/{study}/{scale}/tables/{table}"

    @property
    def report_page(self) -> str:
        """Return the page that a person opens first."""
        return f"{self.results}/report/report.html"

    @property
    def explorer(self) -> str:
        """Return the page in which all results can be looked at."""
        return f"{self.results}/explorer/explorer.html"

    # --- outside things ---

    def given(self, kind: str, name: str) -> str:
        """Return the marker of a given directory: the digest of its content, after a look at all of it."""
        return f"{self.results}/given/{kind}/{name}.json"

    def fetched(self, kind: str, name: str, revision: str) -> str:
        """Return the folder of a fetched thing (kinds: models, tokenizers, sources, benchmarks)."""
        return f"{self.resources}/{kind}/{revision.replace('/', '-')}/{name}"
