"""`polytune publish RUN`: a repository of the Hugging Face hub, prepared in a folder and uploaded if asked to."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from polytune.commands.card import body, find_base, find_source, is_of_world, metadata
from polytune.config.given import Files, Given, Values
from polytune.config.paths import Paths
from polytune.config.settings import load_config
from polytune.errors import InputError, nearest
from polytune.fetch.downloads import one_line
from polytune.fetch.prefetch import OFFLINE
from polytune.files import atomic_directory, write_json, write_text
from polytune.models.directory import ADAPTER, TOKENIZER_FILES, hash_weights, read_object, weight_files
from polytune.scores.model_index import MEAN, build_model_index
from polytune.tables.rendering import number

if TYPE_CHECKING:
    import pandas as pd

SMALL = ("config.json", "generation_config.json", "manifest.json", *TOKENIZER_FILES)
"""Files that go with the weights, as far as they are there; logs of the training do not."""
SHOWN = ("acc", "rating", "win", "language_pass")
"""Measures on the card; `polytune export --format model-index` writes all."""
TOKEN = "HF_TOKEN"


def command(
    run: Annotated[str, typer.Argument(help="A run: base/method/mixture/seedN, or its folder below results/runs.")],
    output: Annotated[Path, typer.Option(help="Folder to prepare; it must not be there yet.")],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Prepare the folder and upload nothing.")] = False,
    repo: Annotated[str, typer.Option(help="Repository to upload to: OWNER/NAME. Needs a token in HF_TOKEN.")] = "",
    private: Annotated[
        bool, typer.Option("--private", help="Make the repository a private one, if it is made.")
    ] = False,
    configfile: Files = None,
    config: Values = None,
) -> None:
    """Prepare a repository of the hub for a run, with a card; without --dry-run, upload it to --repo."""
    token = os.environ.get(TOKEN, "")
    if not dry_run and not repo:
        raise InputError("--repo: name the repository (OWNER/NAME), or prepare the folder only: --dry-run")
    if not dry_run and not token:
        raise InputError(f"{TOKEN} is not set: export a token that may write to {repo}, or add --dry-run")
    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise InputError(f"--output: {output} is there already; name a new folder")
    paths = Paths(**load_config(Given.of(configfile, config).merge())["storage"])  # loading declares bases and sources
    model = find_model(paths, run)
    said = prepare(model, paths, output, repo)
    print("\n".join([f"{output}: ready for {repo or 'a repository'}", *(f"  {line}" for line in said)]))
    if dry_run:
        print("Nothing was uploaded. Look at the card, then the same with --repo OWNER/NAME instead of --dry-run")
    else:
        print(upload(output, repo, private, token))


def find_model(paths: Paths, run: str) -> Path:
    """Return the model's folder of a run; raises `InputError` with the nearest run for one that is not there."""
    name = run.removeprefix(f"{paths.results}/").removeprefix("runs/").rstrip("/").removesuffix("/model")
    model = Path(paths.model(name))
    if not (model / "manifest.json").is_file():
        known = [
            str(file.parent.parent)[len(paths.run("")) :]
            for file in Path(paths.run("")).glob("*/*/*/*/model/manifest.json")
        ]
        raise InputError(f"RUN: no finished model of a run '{name}'{nearest(name, known)} ({model}/manifest.json)")
    return model


def prepare(model: Path, paths: Paths, output: Path, repo: str) -> list[str]:
    """Write the folder, all or nothing; return what a person should know of it."""
    import yaml

    manifest = read_object(model / "manifest.json")
    run = str(model.parent)[len(paths.run("")) :]
    base = find_base(manifest["base"], paths)
    sources = [find_source(name) for name in dict.fromkeys(part["source"] for part in manifest["parts"])]
    scores = read_scores(paths, run)
    adapter = (model / "adapter_config.json").is_file()
    files = [model / ADAPTER] if adapter else weight_files(model)
    hash_weights(model, files)  # raises for weights that are not those of the manifest
    with atomic_directory(output) as folder:
        for file in [
            *files,
            *(model / name for name in (*SMALL, "model.safetensors.index.json") if (model / name).is_file()),
        ]:
            shutil.copyfile(file, folder / file.name)
        if adapter:
            settings = read_object(model / "adapter_config.json")
            named = {"base_model_name_or_path": base.location or base.name, "revision": base.revision or None}
            write_json(folder / "adapter_config.json", {**settings, **named})
        shown = scores[scores["measure"].isin(SHOWN)] if len(scores) else scores
        index = build_model_index(shown, run, paths) if len(shown) else []
        head = yaml.safe_dump(
            metadata(model / "README.md", manifest, base, sources, index), sort_keys=False, allow_unicode=True
        )
        text = body(model / "README.md", manifest, base, sources, results_table(shown), repo)
        write_text(folder / "README.md", f"---\n{head}---\n\n{text}")
    size = sum(file.stat().st_size for file in output.iterdir()) / 1e9
    said = [f"{'adapter' if adapter else 'full weights'}, {len(list(output.iterdir()))} files, {size:,.3f} GB"]
    if limited := [one.name for one in (base, *sources) if one.non_commercial]:
        said.append(f"not for commercial use: made from {', '.join(limited)}")
    if adapter and not base.location:
        said.append(f"its base, {base.name}, is not on the hub: nobody else can load the adapter")
    if is_of_world(manifest):
        said.append("of a generated world: the card says that it knows no real language")
    said.append(f"{len(shown)} scores on the card" if len(shown) else "no scores on the card: collect them first")
    return said


def read_scores(paths: Paths, run: str) -> pd.DataFrame:
    """Return the scores of a run from every study that has it, each once."""
    import pandas as pd

    tables = [pd.read_parquet(file) for file in sorted(Path(paths.results, "scores").glob("*/*/scores.parquet"))]
    if not tables:
        return pd.DataFrame()
    table = pd.concat(tables, ignore_index=True)
    keys = ["evaluation", "origin", "language", "aggregate", "measure", "judge", "protocol", "opponent"]
    return table[table["run"] == run].drop_duplicates(keys)


def results_table(scores: pd.DataFrame) -> str:
    """Return the means over languages, and each language, as Markdown; empty without scores."""
    if not len(scores):
        return ""
    lines = ["| data | origin | measure | language | value | standard error | items |", "|---|---|---|---|--:|--:|--:|"]
    chosen = scores[scores["aggregate"].isin(["", "mean"]) & scores["value"].notna()]
    for score in chosen.sort_values(["evaluation", "measure", "aggregate", "language"]).to_dict("records"):
        judged = " ".join(filter(None, (score["judge"], score["protocol"], score["opponent"])))
        cells = [score["evaluation"], score["origin"], score["measure"] + f" ({judged})" * bool(judged)]
        cells += [score["language"] or MEAN, *(number(score[key], 3) for key in ("value", "stderr"))]
        lines.append(f"| {' | '.join(cells)} | {score['items']:.0f} |")
    return "\n".join(lines)


def upload(folder: Path, repo: str, private: bool, token: str) -> str:
    """Upload a prepared folder; return where it is. The token is handed to the hub's client and said nowhere."""
    for variable in OFFLINE:  # set for all other steps
        os.environ.pop(variable, None)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    from huggingface_hub import HfApi

    remedy = f"the folder {folder} is ready: try again later, or look whether {TOKEN} may write there"
    with one_line(f"--repo: {repo}: the hub did not take it", remedy):
        api = HfApi(token=token)
        api.create_repo(repo, private=private, exist_ok=True)
        done: Any = api.upload_folder(repo_id=repo, folder_path=folder, commit_message="Add a model of Polytune")
    return f"uploaded to https://huggingface.co/{repo} ({getattr(done, 'oid', None) or 'one commit'})"
