"""Mixtures: preparing all 52 incremental mixtures, against what instruction-tuning scripts do.

    python performance/mixtures.py [--rows 2000] [--languages 52]

Peers: (1) each mixture tokenised and written with `datasets` (batched `map`, prompt and whole text tokenised, labels
written), as the published scripts do once per mixture; measured for 1, 4 and 13 languages and extrapolated by a
straight line to the 1,378 units of 52 mixtures. (2) The best practice: tokenise each language once with `datasets`
into Arrow, concatenate views. Ours: each language tokenised once into a flat store, 52 manifests. All in one process
on one core, imports excluded, CPU seconds (they do not depend on what else the machine does); text is random words
with Zipf frequencies, about 160 tokens a row.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path

import numpy as np

AIMS = ((1 / 25, 1 / 60), (0.6, 0.35))  # shares of the seconds and the bytes of each peer

os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # one core for everybody


def make_text(generator: np.random.Generator, words: np.ndarray, frequencies: np.ndarray, count: int) -> str:
    """Return `count` random words."""
    return " ".join(words[generator.choice(len(words), count, p=frequencies)])


def make_sources(folder: Path, languages: list[str], rows: int) -> Path:
    """Write Bactrian-X style files and a tokenizer; return the tokenizer's folder."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    generator = np.random.default_rng(1)
    letters = np.array(list("abcdefghijklmnopqrstuvwxyz"))
    words = np.array(["".join(generator.choice(letters, generator.integers(2, 11))) for _ in range(6000)])
    frequencies = 1 / np.arange(1, len(words) + 1)
    frequencies /= frequencies.sum()
    sample = []
    for language in languages:
        records = [
            {
                "id": f"row-{i}",
                "instruction": make_text(generator, words, frequencies, int(generator.integers(8, 30))),
                "input": "" if i % 3 else make_text(generator, words, frequencies, int(generator.integers(5, 40))),
                "output": make_text(generator, words, frequencies, int(generator.integers(10, 140))),
            }
            for i in range(rows)
        ]
        sample += [record["output"] for record in records[:200]]
        (folder / f"{language}.json").write_text(json.dumps(records))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    trainer = trainers.BpeTrainer(
        vocab_size=8192, special_tokens=["</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet()
    )
    tokenizer.train_from_iterator(sample, trainer)
    place = folder / "tokenizer"
    place.mkdir()
    tokenizer.save(str(place / "tokenizer.json"))
    names = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "</s>"}
    (place / "tokenizer_config.json").write_text(json.dumps(names))
    return place


def size_of(folder: Path) -> int:
    """Return the bytes of all files below a folder."""
    return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())


def tokenise_with_datasets(files: list[Path], tokenizer, template, output: Path, cache: Path) -> None:
    """Tokenise rows as the published scripts do: the prompt and the whole text, labels with the prompt masked."""
    import datasets

    def encode(batch):
        prompts = [template.prompt(a, b) for a, b in zip(batch["instruction"], batch["input"], strict=True)]
        texts = [prompt + output + "</s>" for prompt, output in zip(prompts, batch["output"], strict=True)]
        whole = tokenizer(texts, add_special_tokens=False)["input_ids"]
        lengths = [len(ids) for ids in tokenizer(prompts, add_special_tokens=False)["input_ids"]]
        labels = [[-100] * n + ids[n:] for n, ids in zip(lengths, whole, strict=True)]
        return {"input_ids": whole, "attention_mask": [[1] * len(ids) for ids in whole], "labels": labels}

    loaded = datasets.load_dataset(
        "json", data_files=[str(file) for file in files], split="train", cache_dir=str(cache)
    )
    loaded.map(encode, batched=True, remove_columns=loaded.column_names).save_to_disk(str(output))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2000)
    parser.add_argument("--languages", type=int, default=52)
    options = parser.parse_args()

    import datasets
    from transformers import AutoTokenizer

    from polytune.data.columns import write_rows
    from polytune.data.rows import read_rows
    from polytune.data.templates import load_template
    from polytune.data.tokens import TokenStore, tokenize
    from polytune.files import write_json
    from polytune.languages.codes import languages
    from polytune.mixtures.build import build_mixture
    from polytune.mixtures.families import expand_family
    from polytune.models.tokenizer import read_tokenizer

    datasets.disable_progress_bars()
    codes = [code for code, row in languages().items() if row.bactrian_x][: options.languages]
    template = load_template(Path(__file__).resolve().parents[1] / "config/templates.yaml", "bactrian-x")
    results: list[tuple[str, float, float]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        place = make_sources(folder, codes, options.rows)
        tokenizer = AutoTokenizer.from_pretrained(place)
        files = [folder / f"{code}.json" for code in codes]

        counts, seconds, sizes = [1, 4, 13], [], []
        for count in counts:
            started = time.process_time()
            tokenise_with_datasets(
                files[:count], tokenizer, template, folder / f"materialised-{count}", folder / "cache"
            )
            seconds.append(time.process_time() - started)
            sizes.append(size_of(folder / f"materialised-{count}"))
        units = len(codes) * (len(codes) + 1) / 2
        slope, start = np.polyfit(counts, seconds, 1)
        materialised = units * slope + len(codes) * max(start, 0)
        results.append(
            (f"{len(codes)} mixtures materialised (extrapolated)", materialised, units * sizes[-1] / counts[-1])
        )

        started = time.process_time()
        for code, file in zip(codes, files, strict=True):
            tokenise_with_datasets([file], tokenizer, template, folder / "arrow" / code, folder / "cache")
        results.append(("each language once, Arrow", time.process_time() - started, size_of(folder / "arrow")))

        store = read_tokenizer(place)
        assert store.backend.get_vocab_size() == tokenizer.vocab_size  # loaded before, as the peers' is
        started = time.process_time()
        for code, file in zip(codes, files, strict=True):
            rows, report = read_rows(file, "bactrian-x")
            write_rows(rows, folder / "data/toy" / f"{code}.parquet")
            write_json(folder / "data/toy" / f"{code}.report.json", {"rows": report.kept, "digest": code})
            tokenize(folder / "data/toy" / f"{code}.parquet", store, template, False, folder / "tokens" / code)
        tokenised = time.process_time() - started
        started = time.process_time()
        entry = {"family": "incremental", "source": "toy", "order": codes, "sizes": f"1-{len(codes)}", "rows": "all"}
        recipes = expand_family("all", entry, codes, "x")
        for recipe in recipes:
            build_mixture(recipe, folder / "data").write(folder / "mixtures" / f"{recipe.name}.json")
        manifests = time.process_time() - started
        size_of_manifests = size_of(folder / "mixtures")
        written = size_of(folder / "tokens") + size_of_manifests
        results.append((f"ours: read, tokenise once, {len(codes)} manifests", tokenised + manifests, written))
        tokens = sum(TokenStore(folder / "tokens" / code).index["tokens"] for code in codes)

    print(f"{len(codes)} languages x {options.rows} rows, {tokens / 1e6:.1f} M tokens, one core\n")
    print("| | CPU s | MB | Polytune's share of the seconds | aim | of the bytes | aim |")
    print("|---|---|---|---|---|---|---|")
    *peers, (label, own_seconds, own_bytes) = results
    for (peer, taken, size), (aim_seconds, aim_bytes) in zip(peers, AIMS, strict=True):
        cells = [f"{own_seconds / taken:.3f}", f"{aim_seconds:.3f}", f"{own_bytes / size:.4f}", f"{aim_bytes:.4f}"]
        print(f"| {peer} | {taken:.1f} | {size / 1e6:.1f} | {' | '.join(cells)} |")
    print(f"| {label} | {own_seconds:.1f} | {own_bytes / 1e6:.1f} | | | | |")
    print(f"| of which manifests | {manifests:.2f} | {size_of_manifests / 1e6:.2f} | | | | |")
    (_, taken, size), _ = peers
    print(f"\nThan materialising: {taken / own_seconds:.1f} x fewer seconds, {size / own_bytes:.1f} x fewer bytes.")


if __name__ == "__main__":
    main()
