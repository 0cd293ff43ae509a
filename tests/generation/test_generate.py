"""`polytune generate`: what is finished is kept and never generated again, whatever ends the job."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time

import pyarrow.parquet
import pytest

from polytune.cli import main
from polytune.generation.journal import Journal
from polytune.models.tokenizer import read_tokenizer
from tests.cases.generation_cases import END, QUESTIONS, write_questions, write_sharp_model, write_spec


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """Tiny models and a prompt set of two languages, some of one with a second turn."""
    root = tmp_path_factory.mktemp("generation")
    for kind in ("bloom", "gpt2", "mt5"):
        write_sharp_model(root / kind, kind, seed=1)
    write_questions(root / "prompts" / "set", "en", second=(1, 3))
    write_questions(root / "prompts" / "set", "fr")
    return root


def arguments(root, folder, *entries, model="bloom", **options):
    spec = write_spec(folder / "spec.json", *entries)
    given = {"spec": spec, "model": root / model, "output": folder / "responses", "prompts": root / "prompts",
             "cache": folder / "cache", "device": "cpu", **options}  # fmt: skip
    return ["generate", *(text for key, value in given.items() for text in (f"--{key.replace('_', '-')}", str(value)))]


def outcome(given):
    with pytest.raises(SystemExit) as stopped:
        main(given)
    return stopped.value.code


def responses(folder, name="questions"):
    """The rows of a file of responses, and its marker."""
    table = pyarrow.parquet.read_table(folder / "responses" / f"{name}.parquet")
    types = {"language": "large_string", "item": "int32", "turn": "int8", "text": "large_string", "tokens": "int32",
             "prompt_tokens": "int32", "stop": "large_string"}  # fmt: skip
    assert {field.name: str(field.type) for field in table.schema} == types
    return table.to_pylist(), json.loads((folder / "responses" / f"{name}.json").read_bytes())


def load(directory):
    from transformers import AutoModelForCausalLM, AutoModelForSeq2SeqLM

    auto = AutoModelForSeq2SeqLM if directory.name == "mt5" else AutoModelForCausalLM
    return auto.from_pretrained(directory)


def say(model, tokenizer, prompt, room):
    """What transformers' `generate` says: text, tokens, stop."""
    import torch

    said = model.generate(
        input_ids=torch.tensor([prompt]), max_new_tokens=room, do_sample=False, eos_token_id=END, pad_token_id=0
    )[0].tolist()
    said = said[1 if model.config.is_encoder_decoder else len(prompt) :]
    ended = END in said
    tokens = said[: said.index(END)] if ended else said
    text = tokenizer.decode([token for token in tokens if token > END])
    return text.removeprefix(" "), len(tokens), "end" if ended else "length"


@pytest.mark.parametrize("kind", ["bloom", "gpt2", "mt5"])
def test_answers_of_both_turns_are_those_of_transformers(kind, root, tmp_path):
    assert not outcome(arguments(root, tmp_path, {"languages": ["en", "fr"]}, model=kind))
    rows, marker = responses(tmp_path)
    assert [(row["language"], row["item"], row["turn"]) for row in rows] == [
        *(("en", item, turn) for item in range(6) for turn in range(1, 2 + (item in (1, 3)))),
        *(("fr", item, 1) for item in range(6)),
    ]
    model, tokenizer = load(root / kind), read_tokenizer(root / kind)
    encoder_decoder = kind == "mt5"

    def encode(text):
        return tokenizer.backend.encode(text).ids

    first = {}
    for row in rows:
        question = QUESTIONS[row["item"]]
        prompt = encode(question)
        if row["turn"] == 2:  # the row that training would have made of the first turn, and the next prompt
            prompt = [*encode(f"{question} {first[row['item']]}"), END, *encode(f"and {question}")]
        prompt += [END] * encoder_decoder
        text, tokens, stop = say(model, tokenizer, prompt, 12)
        assert (row["text"], row["tokens"], row["stop"]) == (text, tokens, stop)
        assert row["prompt_tokens"] == len(prompt)
        first.setdefault(row["item"], text)
    assert marker["rows"] == 14 and marker["tokens"] == sum(row["tokens"] for row in rows)
    cut = [row["language"] for row in rows if row["stop"] != "end"]
    assert marker["truncated"] == {"en": cut.count("en"), "fr": cut.count("fr")} and len(cut) not in (0, 14)
    assert marker["spec"]["template"] == "world" and marker["provenance"]["libraries"]["torch"]


def test_spelled_special_tokens_are_text(root, tmp_path):
    assert not outcome(arguments(root, tmp_path))
    rows, _ = responses(tmp_path)
    [row] = [row for row in rows if "</s>" in QUESTIONS[row["item"]]]
    assert row["prompt_tokens"] == len(read_tokenizer(root / "bloom").encode([QUESTIONS[4]], True)[0]) > 10


def test_what_is_finished_needs_no_model(root, tmp_path, monkeypatch):
    both = arguments(root, tmp_path, {"languages": ["en", "fr"]})
    assert not outcome(both)
    before = {file.name: file.read_bytes() for file in (tmp_path / "responses").iterdir()}
    shutil.rmtree(tmp_path / "responses")  # as the workflow does before it starts a job again
    code = "import sys; from polytune.cli import main\ntry: main(sys.argv[1:])\nfinally: print(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, *both], capture_output=True, text=True, check=True)
    assert "'pyarrow'" in done.stdout and "'torch'" not in done.stdout and "'pandas'" not in done.stdout
    assert {file.name: file.read_bytes() for file in (tmp_path / "responses").iterdir()} == before


def test_more_languages_and_items_generate_only_what_is_new(root, tmp_path):
    assert not outcome(arguments(root, tmp_path, {"items": 2}))
    [file] = (tmp_path / "cache").iterdir()
    kept = file.read_bytes()
    wider = {"items": 6, "languages": ["fr", "en"]}
    assert not outcome(arguments(root, tmp_path, wider, {"name": "same", "items": 3}))
    assert file.read_bytes().startswith(kept)
    answers = Journal(file).answers
    assert len(answers) == 8 == file.read_bytes().count(b'"item"'), "nothing is generated twice"
    rows, _ = responses(tmp_path)
    assert [row["language"] for row in rows] == ["fr"] * 6 + ["en"] * 8
    assert responses(tmp_path, "same")[0] == [row for row in rows if row["language"] == "en" and row["item"] < 3]


@pytest.mark.parametrize(
    "change",
    [{"max_new_tokens": 5}, {"template": "bactrian-x"}, {"temperature": 0.7}, {"temperature": 0.7, "seed": 2}],
)
def test_what_changes_answers_is_generated_anew(change, root, tmp_path):
    assert not outcome(arguments(root, tmp_path, {"items": 1}))
    before = set((tmp_path / "cache").iterdir())
    assert not outcome(arguments(root, tmp_path, {"items": 1, **change}))
    assert len(set((tmp_path / "cache").iterdir()) - before) == 1


def test_a_drawn_answer_depends_on_its_question_and_the_seed_alone(root, tmp_path):
    """Not on the batch, not on the other languages, not on how many items are asked."""
    drawn = {"temperature": 1.0, "top_p": 0.95, "languages": ["en", "fr"]}
    assert not outcome(arguments(root, tmp_path / "a", drawn))
    assert not outcome(arguments(root, tmp_path / "b", {**drawn, "languages": ["fr"], "items": 4}, batch_tokens=1))
    assert not outcome(arguments(root, tmp_path / "c", {**drawn, "seed": 2}))
    (a, _), (b, _), (c, _) = (responses(tmp_path / name) for name in "abc")
    assert b == [row for row in a if row["language"] == "fr" and row["item"] < 4]
    texts = [{row["text"] for row in a if row["language"] == language} for language in ("en", "fr")]
    assert len(texts[0]) == 8 and not texts[0] & texts[1], "each question draws for itself"
    assert not {row["text"] for row in c} & (texts[0] | texts[1])


@pytest.mark.parametrize("torn", [True, False])
def test_a_killed_job_goes_on_where_it_was(torn, root, tmp_path):
    """SIGKILL in the middle of generating, and a last record that is cut: nothing lost, nothing twice."""
    write_questions(tmp_path / "prompts" / "set", "en", [f"question {n} of them" for n in range(300)], second=(0, 7))
    given = arguments(root, tmp_path, {"max_new_tokens": 30}, prompts=tmp_path / "prompts", batch_tokens=300)
    process = subprocess.Popen([sys.executable, "-m", "polytune.cli", *given], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while sum(file.read_bytes().count(b"\n") for file in tmp_path.glob("cache/*")) < 30:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    [file] = (tmp_path / "cache").iterdir()
    if torn:
        file.write_bytes(file.read_bytes()[:-20])
    before = Journal(file).answers
    assert 28 <= len(before) < 302
    assert not outcome(given)
    rows, marker = responses(tmp_path)
    assert marker["rows"] == len(rows) == 302
    assert {key: Journal(file).answers[key] for key in before} == before
    assert sum(b'"item"' in line and line.endswith(b"}") for line in file.read_bytes().splitlines()) == 302
    whole = arguments(root, tmp_path / "whole", {"max_new_tokens": 30}, prompts=tmp_path / "prompts")
    assert not outcome(whole)
    assert responses(tmp_path / "whole")[0] == rows


def test_a_full_context_is_told(root, tmp_path):
    """A prompt is never cut; what has no room is answered with nothing, what has little is stopped by the context."""
    write_sharp_model(tmp_path / "short", "gpt2", seed=1, positions=16)
    assert not outcome(arguments(root, tmp_path, {"max_new_tokens": 12}, model=tmp_path / "short"))
    rows, marker = responses(tmp_path)
    for row in rows:
        room = 16 - row["prompt_tokens"]
        if room <= 0:
            assert (row["text"], row["tokens"], row["stop"]) == ("", 0, "context")
        else:
            assert row["stop"] == "end" or (row["tokens"], row["stop"]) == (
                min(12, room), "context" if room < 12 else "length",
            )  # fmt: skip
    stops = [row["stop"] for row in rows]
    assert stops.count("context") > 2 and len({row["tokens"] for row in rows if row["stop"] == "context"}) > 1
    assert marker["truncated"]["en"] == len(stops) - stops.count("end")


def adapter(directory, base, seed, names=("query_key_value",)):
    """Write a plain LoRA adapter of a tiny BLOOM, large enough to matter."""
    import torch
    from peft import LoraConfig, get_peft_model

    torch.manual_seed(seed)
    model = get_peft_model(load(base), LoraConfig(r=4, lora_alpha=8, target_modules=list(names)))
    for name, weight in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(directory)
    return model.merge_and_unload()


def test_adapters_of_one_base_share_it(root, tmp_path, monkeypatch):
    """The base is loaded once, and answers as itself beside its adapters."""
    from polytune.generation import local

    merged = {name: adapter(tmp_path / name, root / "bloom", seed) for seed, name in enumerate(("one", "two"))}
    merged["base"] = load(root / "bloom")
    loads, load_scorer = [], local.load_scorer
    monkeypatch.setattr(local, "load_scorer", lambda *given: loads.append(given) or load_scorer(*given))
    given = []
    for name in merged:
        model = root / "bloom" if name == "base" else tmp_path / name
        given += arguments(root, tmp_path / "out" / name, model=model)[1:7]
        write_spec(tmp_path / "out" / name / "spec.json", run=f"bloom/lora/{name}/seed1")
    given += ["--prompts", str(root / "prompts"), "--cache", str(tmp_path / "cache"), "--device", "cpu"]
    assert not outcome(["generate", *given, "--base", str(root / "bloom")])
    assert len(loads) == 1
    tokenizer, texts = read_tokenizer(root / "bloom"), {}
    for name, model in merged.items():
        rows, _ = responses(tmp_path / "out" / name)
        texts[name] = [row["text"] for row in rows if row["turn"] == 1]
        expected = [say(model, tokenizer, tokenizer.encode([text], True)[0], 12)[0] for text in QUESTIONS]
        assert texts[name] == expected
    assert texts["one"] != texts["two"] and texts["base"] not in (texts["one"], texts["two"])


def test_faults_leave_the_other_runs_complete(root, tmp_path):
    broken = shutil.copytree(root / "gpt2", tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"12345678 not a safetensors file")
    given = []
    for name, model in (("a", broken), ("b", root / "gpt2"), ("c", tmp_path / "none")):
        given += arguments(root, tmp_path / name, model=model)[1:7]
        write_spec(tmp_path / name / "spec.json", run=f"gpt2/full/{name}/seed1")
    said = outcome(["generate", *given, "--prompts", str(root / "prompts"), "--cache", str(tmp_path / "cache")])
    first, *faults = said.splitlines()
    assert first.startswith("polytune generate: not everything is generated")
    assert len(faults) == 2 and "gpt2/full/c/seed1: --model: " in faults[0]
    assert "gpt2/full/a/seed1: " in faults[1] and "broken" in faults[1]
    assert responses(tmp_path / "b")[1]["run"] == "gpt2/full/b/seed1"
