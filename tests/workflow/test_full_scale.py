"""A study at scale `full` on directories of the real layout: the same rules and code as the world's, other sizes."""

from __future__ import annotations

import gzip
import json
import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow
VOCABULARY = 250_880  # BLOOM's


@pytest.fixture(scope="module")
def outside(tmp_path_factory, project):
    """What a user has: a BLOOM directory, Bactrian-X in 52 languages, and benchmarks, each in its published layout."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import BloomConfig, BloomForCausalLM

    from polytune.languages.codes import languages

    folder = tmp_path_factory.mktemp("outside")
    torch.manual_seed(0)
    config = BloomConfig(vocab_size=VOCABULARY, hidden_size=16, n_layer=2, n_head=2)
    BloomForCausalLM(config).save_pretrained(folder / "bloom")
    codes = [code for code, row in languages().items() if row.bactrian_x]
    assert len(codes) == 52
    (folder / "bactrian-x/data").mkdir(parents=True)
    texts = []
    for code in codes:
        rows = [
            {
                "instruction": f"Say {i} in {code}",
                "input": "" if i % 2 else "now",
                "id": f"alpaca-{i}",
                "output": f"{code} {i}",
            }
            for i in range(6)
        ]
        texts += [row["instruction"] for row in rows]
        (folder / f"bactrian-x/data/{code}.json.gz").write_bytes(gzip.compress(json.dumps(rows).encode()))
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=600, special_tokens=["<unk>", "<s>", "</s>", "<pad>"], initial_alphabet=alphabet
        ),
    )
    tokenizer.save(str(folder / "bloom/tokenizer.json"))
    names = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "eos_token": "</s>",
        "pad_token": "<pad>",
        "unk_token": "<unk>",
    }
    (folder / "bloom/tokenizer_config.json").write_text(json.dumps(names))
    subprocess.run(
        [sys.executable, "-m", "polytune.cli", "build-world", "--size", "tiny", "--output", str(folder / "world")],
        check=True,
        capture_output=True,
    )
    return folder


def test_lucky52_runs_at_full_scale_on_real_layouts(clean_checkout, outside, tmp_path):
    checkout = clean_checkout.copy(tmp_path / "polytune")
    checkout.edit("config/studies/lucky52.yaml", "sizes: 1-52", "sizes: [52]")
    (checkout.folder / "my.yaml").write_text(
        f"scale: full\ntraining: {{devices: 1}}\nlocations:\n  bases: {{bloom-7b1: {outside}/bloom}}\n"
        f"  sources: {{bactrian-x: {outside}/bactrian-x}}\n  benchmarks: {outside}/world/benchmarks\n"
    )
    figure = "results/studies/lucky52/full/figures/fig1a.svg"
    checkout.run("--profile", "profiles/local", "--cores", "2", "--configfile", "my.yaml", "--", figure)
    drawn = (checkout.folder / figure).read_text()
    assert "enerated world" not in drawn
    run = checkout.folder / "results/runs/bloom-7b1/full/bactrian-x-incremental-52-all/seed1"
    manifest = json.loads((run / "model/manifest.json").read_text())
    # 52 languages x 6 rows x 3 epochs in updates of 4 x 4 x 80 rows
    assert (manifest["rows"], manifest["updates"]) == (312, 1)
    evaluation = json.loads((run / "evaluations/directory/xwinograd.json").read_text())
    assert len(evaluation["polytune"]["tasks"]) == 6
