"""The numbers are lm-eval's: its own command line, loaders and backend on the same model and the same files."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest

from polytune.config.benchmarks import find_benchmark
from polytune.evaluation.tasks import list_tasks, task_folders
from polytune.world.benchmarks import BENCHMARKS
from polytune.world.build import write_benchmark, write_tokenizer
from polytune.world.settings import settings_of_size
from polytune.world.world import World
from tests.cases.evaluation_cases import build_model, read_first_rows, write_model, write_xcopa
from tests.evaluation.test_loglikelihoods import assert_equal

ITEMS = 8


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """The benchmarks and the tokenizer of a generated world."""
    folder = tmp_path_factory.mktemp("world")
    drawn = World.draw(settings_of_size("tiny", seed=3))
    for benchmark in BENCHMARKS:
        write_benchmark(benchmark, drawn, folder / "benchmarks")
    write_tokenizer(drawn, folder / "tokenizer")
    return folder


@pytest.mark.parametrize("kind", ["bloom", "mt5"])
@pytest.mark.parametrize("name", ["xcopa", "xcopa-all", "xstorycloze", "xwinograd", "xnli", "pawsx"])
def test_world_benchmarks_equal_the_harness_with_its_own_loaders(name, kind, world, tmp_path, monkeypatch):
    import datasets
    from lm_eval import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager

    from polytune.evaluation.harness import evaluate_benchmark
    from polytune.evaluation.model import PolytuneLM

    model, data, benchmark = tmp_path / "model", world / "benchmarks", find_benchmark(name.removesuffix("-all"))
    (tmp_path / "model").symlink_to(write_world_model(world, kind))
    configurations = list_tasks(benchmark, data, "all" if name.endswith("-all") else None)
    chosen = [*configurations][:: max(1, len(configurations) // 4)]  # languages from all over the list
    tasks = {language: configurations[language] for language in chosen}
    monkeypatch.chdir(data)  # where the ids of data sets are folders
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    theirs = simple_evaluate(
        HFLM(str(model), device="cpu", dtype="float32", batch_size=4),
        tasks=[configuration["task"] for configuration in tasks.values()],
        task_manager=TaskManager(include_path=task_folders(benchmark, data), include_defaults=False),
        limit=ITEMS,
    )
    rows = read_first_rows(benchmark, data, tasks, ITEMS)
    ours = evaluate_benchmark(PolytuneLM(str(model)), benchmark, data, tasks, rows)
    for configuration in tasks.values():
        task = configuration["task"]
        assert ours["results"][task]["acc,none"] == theirs["results"][task]["acc,none"]
        for our_sample, sample in zip(ours["samples"][task], theirs["samples"][task], strict=True):
            for key in ("doc_id", "doc_hash", "prompt_hash", "target_hash", "acc"):
                assert our_sample[key] == sample[key], key
            assert_equal(our_sample["filtered_resps"], sample["filtered_resps"])
        assert len(theirs["samples"][task]) == ITEMS
    if name == "pawsx":  # the longest continuations
        exact = HFLM(str(model), device="cpu", dtype="float64", batch_size=4)
        assert_near(loglikelihoods(ours), loglikelihoods(evaluate_benchmark(exact, benchmark, data, tasks, rows)))


def loglikelihoods(evaluated):
    """Return the log-likelihoods of all choices."""
    samples = [sample for task in evaluated["samples"].values() for sample in task]
    return np.array([answer[0] for sample in samples for answer in sample["filtered_resps"]])


def assert_near(ours, exact):
    """Assert that float32 arithmetic, added up in float64, is as near to float64 as its rounding lets it be."""
    assert np.all(np.abs(ours - exact) <= np.maximum(1e-4, 1e-6 * np.abs(exact)))
    assert exact.min() < -100


def write_world_model(world, kind):
    """Write a random model with the world's tokenizer, once for all benchmarks; return its directory."""
    folder = world / kind
    if not folder.exists():
        tokenizer = (world / "tokenizer" / "tokenizer.json").read_text()
        vocabulary = max(json.loads(tokenizer)["model"]["vocab"].values()) + 1
        build_model(kind, vocabulary).save_pretrained(folder)
        for file in (world / "tokenizer").iterdir():
            (folder / file.name).write_text(file.read_text())
    return folder


@pytest.mark.slow
def test_the_class_is_known_to_the_harness_command_line(tmp_path):
    """`python -m polytune.evaluation` is `lm-eval`, and `--model polytune` there says what `--model hf` says."""
    directory = write_model(tmp_path / "model")
    data = write_xcopa(tmp_path / "data", ("et",))
    card = data / "cambridgeltl" / "xcopa" / "README.md"
    card.write_text(
        card.read_text().replace("split: test", "split: validation\n    path: test.et.jsonl\n  - split: test")
    )
    samples = {}
    for program, model in (("lm_eval", "hf"), ("polytune.evaluation", "polytune")):
        output = tmp_path / model
        finished = subprocess.run(
            [sys.executable, "-m", program, "run", "--model", model, "--model_args", f"pretrained={directory}",
             "--tasks", "xcopa_et", "--device", "cpu", "--output_path", str(output), "--log_samples"],
            cwd=data, env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_CACHE": str(tmp_path / "cache")},
            capture_output=True, text=True,
        )  # fmt: skip
        assert finished.returncode == 0, finished.stderr
        assert "xcopa_et" in finished.stdout
        [file] = output.rglob("samples_xcopa_et_*.jsonl")
        samples[model] = [json.loads(line) for line in file.read_text().splitlines()]
    for sample, expected in zip(samples["polytune"], samples["hf"], strict=True):
        assert sample["doc_hash"] == expected["doc_hash"]
        assert sample["acc"] == expected["acc"]
        # the command line writes numbers and truth values as text
        answers = zip(sample["filtered_resps"], expected["filtered_resps"], strict=True)
        for (value, greedy), (wanted, wanted_greedy) in answers:
            assert_equal([(float(value), greedy)], [(float(wanted), wanted_greedy)])


def test_the_name_is_registered_without_importing_the_class():
    code = (
        "import sys; from polytune.evaluation.harness import register_model_class; register_model_class(); "
        "register_model_class(); from lm_eval.api.registry import get_model; assert 'torch' not in sys.modules; "
        "print(get_model('polytune').__name__, get_model('hf').__name__)"
    )
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert finished.stdout.split() == ["PolytuneLM", "HFLM"]


@pytest.mark.parametrize("kind", ["bloom", "mt5"])
def test_long_texts_are_nearer_to_the_exact_value_than_the_harness_own(kind, tmp_path, shared_data):
    """The harness sums a text's log-probabilities in float32, whose last bit at 1,000 nats is 6e-5; here in float64."""
    from lm_eval.models.huggingface import HFLM

    from polytune.evaluation.harness import evaluate_benchmark
    from polytune.evaluation.model import PolytuneLM

    directory = write_model(tmp_path / "model", kind, vocabulary=260)  # a token is a byte
    benchmark = find_benchmark("xwinograd")
    tasks = list_tasks(benchmark, shared_data, ["ru", "ja"])
    rows = read_first_rows(benchmark, shared_data, tasks, 40)

    models = [HFLM(str(directory), device="cpu", dtype=dtype, batch_size=8) for dtype in ("float64", "float32")]
    exact, theirs, ours = (
        loglikelihoods(evaluate_benchmark(lm, benchmark, shared_data, tasks, rows))
        for lm in (*models, PolytuneLM(str(directory)))
    )
    assert len(ours) == 160 and exact.min() < -500
    assert_near(ours, exact)
    assert np.abs(ours - exact).mean() < np.abs(theirs - exact).mean()
