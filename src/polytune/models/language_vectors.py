"""Vectors of languages from a base model itself: mean hidden states on parallel rows.

What a model has learnt of languages may be another thing than what linguists know: languages that it holds apart are
far apart here. All rows say the same in every language, so what differs is the language.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from polytune.errors import InputError
from polytune.files import atomic_path, read_json
from polytune.languages.codes import split_languages
from polytune.machine import choose_device
from polytune.models.directory import ModelDirectory
from polytune.models.tokenizer import Tokenizer, read_model_tokenizer
from polytune.progress import track
from polytune.readers.parquet import read_table

if TYPE_CHECKING:
    import numpy as np
    import torch

FIELDS = ("instruction", "input", "output")


def read_parallel_texts(folder: Path, languages: Sequence[str], rows: int) -> dict[str, list[str]]:
    """Return the texts of the same rows in each language, those with the smallest ids that all languages have.

    A text is instruction, input and output, a line each. Raises `InputError` if there are no such rows.
    """
    texts: dict[str, dict[str, str]] = {}
    for language in languages:
        table = read_table(folder / f"{language}.parquet").to_pylist()
        texts[language] = {row["id"]: "\n".join(row[name] for name in FIELDS if row[name]) for row in table}
    common = sorted(set.intersection(*(set(own) for own in texts.values())))[:rows]
    if not common:
        raise InputError(f"{folder}: no row is there in all of {' '.join(languages)}, so no rows are parallel")
    return {language: [own[name] for name in common] for language, own in texts.items()}


def mean_hidden_states(
    model: torch.nn.Module, tokenizer: Tokenizer, texts: Sequence[str], longest: int, rows_at_once: int = 32
) -> np.ndarray:
    """Return the mean over texts of the mean hidden state over tokens of the middle layer, float32.

    Layer round(L / 2) of L, after which later layers turn to the next token; of an encoder-decoder the encoder's.
    Texts are cut to `longest` tokens; padding counts nowhere.
    """
    import numpy as np
    import torch

    body = model.get_encoder() if model.config.is_encoder_decoder else model.base_model  # without the output layer
    total, count = 0.0, 0
    for batch in _batches(tokenizer, texts, longest, rows_at_once):
        ids, mask = (tensor.to(model.device) for tensor in batch)
        with torch.inference_mode():
            states = body(input_ids=ids, attention_mask=mask, output_hidden_states=True).hidden_states
        middle = states[round((len(states) - 1) / 2)].float()  # rows x tokens x width; the first are embeddings
        weights = mask[:, :, None].float()
        total = total + ((middle * weights).sum(1) / weights.sum(1)).sum(0).cpu().numpy()
        count += len(ids)
    return np.asarray(total / count, dtype=np.float32)


def _batches(
    tokenizer: Tokenizer, texts: Sequence[str], longest: int, rows_at_once: int
) -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
    """Yield token ids and their mask, rows x tokens, texts of like length together."""
    import torch

    encoded = sorted((ids[:longest] for ids in tokenizer.encode(texts, special_tokens=False) if ids), key=len)
    for start in range(0, len(encoded), rows_at_once):
        rows = encoded[start : start + rows_at_once]
        width = len(rows[-1])
        ids = torch.tensor([[*row, *[0] * (width - len(row))] for row in rows])
        yield ids, torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])


def command(
    model: Annotated[Path, typer.Option(help="Directory of the base model.")],
    data: Annotated[Path, typer.Option(help="Folder with the parallel rows of each language: LANGUAGE.parquet.")],
    output: Annotated[Path, typer.Option(help="Parquet file to write, for select-languages --own-vectors.")],
    languages: Annotated[
        str, typer.Option(help="Languages, by any of their names, with commas or spaces between.")
    ] = "",
    rows: Annotated[int, typer.Option(help="Rows of each language.")] = 200,
    longest: Annotated[int, typer.Option(help="Tokens of a row that are read.")] = 256,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda, ...")] = "cpu",
    spec: Annotated[Path | None, typer.Option(help="Languages, rows and tokens, as the workflow writes them.")] = None,
) -> None:
    """Write a vector for each language: the base model's mean hidden state on parallel rows."""
    import pandas as pd
    import torch

    from polytune.models.load import choose_precision, load_transformers

    if bool(languages) == bool(spec):
        raise InputError("build-language-vectors: --languages names the languages, or --spec does; give one of them")
    codes, device = split_languages(languages, "build-language-vectors: --languages"), choose_device(device)
    if spec:
        wanted = read_json(spec)
        codes, rows, longest = wanted["languages"], wanted["rows"], wanted["longest"]
    found = ModelDirectory.find(model)
    texts = read_parallel_texts(data, codes, rows)
    precision = getattr(torch, choose_precision("auto", device, found.config))
    loaded = load_transformers(found.weights, precision).to(device).eval()
    tokenizer = read_model_tokenizer(found)
    longest = min(longest, getattr(loaded.config, "max_position_embeddings", None) or longest)
    vectors = {
        language: mean_hidden_states(loaded, tokenizer, own, longest)
        for language, own in track(texts.items(), "hidden states", unit="language")
    }
    table = pd.DataFrame.from_dict(vectors, orient="index")
    table.columns = [f"H_{number:04d}" for number in table.columns]
    with atomic_path(output) as temporary:
        table.rename_axis("language").reset_index().to_parquet(temporary, index=False)
    print(f"{len(table)} languages, {table.shape[1]} values each, from {len(next(iter(texts.values())))} parallel rows")
