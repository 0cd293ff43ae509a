"""The engine that is a server: started and stopped by the step, asked for the same tokens, told from its faults."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from transformers.utils.import_utils import is_serve_available

from polytune.errors import InputError
from polytune.generation.server import server_command
from tests.cases.generation_cases import QUESTIONS, write_questions, write_sharp_model, write_spec
from tests.generation.test_generate import adapter, arguments, outcome, responses

SERVER = f"{sys.executable} -m tests.cases.completions_server {{model}} --port {{port}}"
TRANSFORMERS = f"{sys.executable} -c 'from transformers.cli.transformers import main; main()' serve {{model}} "
TRANSFORMERS += "--device cpu --host 127.0.0.1 --port {port}"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """A tiny model, and prompts of two turns; only those in `plain` spell no special token."""
    root = tmp_path_factory.mktemp("server")
    write_sharp_model(root / "gpt2", "gpt2", seed=1)
    write_sharp_model(root / "bloom", "bloom", seed=1)
    write_questions(root / "prompts" / "set", "en", second=(1, 3))
    write_questions(root / "prompts" / "plain", "en", [text for text in QUESTIONS if "</s>" not in text])
    return root


@pytest.fixture(autouse=True)
def _environment(monkeypatch, project):
    """Let a server find its module, and let no server stay."""
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(project), str(project / "src")]))
    before = children()
    yield
    assert children() == before


def children():
    """The processes that this one has started and that are still there."""
    return Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()


def test_a_server_answers_like_our_own_engine(root, tmp_path):
    both = {"server": SERVER, "transformers": "never {model} {port}"}
    for backend, command in both.items():
        given = arguments(root, tmp_path / backend, {"backend": backend}, model="gpt2", server_command=command)
        assert not outcome(given)
    (theirs, marker), (ours, _) = (responses(tmp_path / backend) for backend in both)
    assert theirs == ours and len(ours) == 8
    assert {row["stop"] for row in ours} == {"end", "length"} and marker["spec"]["backend"] == "server"


@pytest.mark.parametrize(
    "command",
    [
        f"{SERVER} --texts-only",
        pytest.param(
            TRANSFORMERS,
            marks=pytest.mark.skipif(not is_serve_available(), reason="transformers serve needs fastapi and uvicorn"),
        ),
    ],
)
def test_a_server_that_reads_texts_only_is_held_to_our_tokens(command, root, tmp_path):
    plain = {"prompts": "plain", "backend": "server"}
    assert not outcome(arguments(root, tmp_path / "a", plain, model="gpt2", server_command=command))
    assert not outcome(arguments(root, tmp_path / "b", {"prompts": "plain"}, model="gpt2"))
    theirs, ours = (
        [(row["item"], row["text"], row["prompt_tokens"]) for row in responses(tmp_path / name)[0]] for name in "ab"
    )  # transformers serve calls an answer cut whose end of sequence is its last token, so stops are not compared
    assert theirs == ours
    said = outcome(arguments(root, tmp_path / "c", {"backend": "server"}, model="gpt2", server_command=command))
    assert "tokens in a prompt of" in said and "use one that takes token ids" in said


def test_drawn_answers_have_a_seed_of_their_own(root, tmp_path):
    drawn = {"backend": "server", "temperature": 1.0, "top_p": 0.9, "items": 3}
    entries = drawn, drawn | {"name": "other", "seed": 2}
    assert not outcome(arguments(root, tmp_path / "a", *entries, model="gpt2", server_command=SERVER))
    assert not outcome(arguments(root, tmp_path / "b", drawn, model="gpt2", server_command=SERVER))
    texts, other = ([row["text"] for row in responses(tmp_path / "a", name)[0]] for name in ("questions", "other"))
    assert texts == [row["text"] for row in responses(tmp_path / "b")[0]] and not set(texts) & set(other)


def test_adapters_of_one_base_come_from_one_server(root, tmp_path):
    given = []
    for seed, name in enumerate(("one", "two")):
        adapter(tmp_path / name, root / "gpt2", seed, names=["c_attn"])
        given += arguments(root, tmp_path / "out" / name, model=tmp_path / name)[1:7]
        write_spec(
            tmp_path / "out" / name / "spec.json", {"backend": "server"}, {"name": "ours"}, run=f"r/lora/{name}/1"
        )
    starts = tmp_path / "starts"
    command = f"sh -c 'echo >> {starts}; exec \"$@\"' - {SERVER}"
    given += ["--prompts", str(root / "prompts"), "--cache", str(tmp_path / "cache"), "--device", "cpu"]
    assert not outcome(["generate", *given, "--server-command", command])
    assert starts.read_text() == "\n"
    answers = [responses(tmp_path / "out" / name)[0] for name in ("one", "two")]
    assert answers == [responses(tmp_path / "out" / name, "ours")[0] for name in ("one", "two")]
    assert answers[0] != answers[1]


def test_a_server_that_dies_loses_what_was_in_work(root, tmp_path):
    dying = arguments(root, tmp_path, {"backend": "server"}, model="gpt2", server_command=f"{SERVER} --ends-after 4")
    said = outcome(dying)
    assert "the server gave no answer" in said and "it has ended with status 3" in said
    [journal] = (tmp_path / "cache").iterdir()
    kept = journal.read_bytes()
    assert 1 <= kept.count(b'"item"') <= 4
    assert not outcome(arguments(root, tmp_path, {"backend": "server"}, model="gpt2", server_command=SERVER))
    assert journal.read_bytes().startswith(kept) and journal.read_bytes().count(b'"item"') == 8


@pytest.mark.parametrize(
    ("command", "expected"),
    [
        ("no-such-program {model} {port}", "no-such-program: cannot be started: No such file or directory"),
        ("false {model} {port}", "false ended with status 1; its words stand above"),
        ("vllm serve {model}", "lacks {port}"),
        ("vllm serve --port {port}", "lacks {model}"),
    ],
)
def test_servers_that_do_not_start_are_told(command, expected, root, tmp_path):
    assert expected in outcome(arguments(root, tmp_path, {"backend": "server"}, model="gpt2", server_command=command))


def test_the_server_ends_with_the_step(root, tmp_path):
    pid = tmp_path / "pid"
    command = f"sh -c 'echo $$ > {pid}; exec \"$@\"' - {SERVER}"
    many = write_questions(tmp_path / "prompts" / "set", "en", [f"question {n}" for n in range(500)]).parent
    given = arguments(root, tmp_path, {"backend": "server"}, model="gpt2", server_command=command, prompts=many)
    step = subprocess.Popen([sys.executable, "-m", "polytune.cli", *given], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 200
    while not any(b'"item"' in file.read_bytes() for file in tmp_path.glob("cache/*")):
        assert step.poll() is None and time.monotonic() < deadline
        time.sleep(0.1)
    os.kill(step.pid, signal.SIGKILL)
    step.wait()
    server = Path(f"/proc/{int(pid.read_text())}/cmdline")
    while server.exists() and server.read_bytes():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_words_for_vllm(tmp_path):
    for name, rank in (("a", 8), ("b", 64)):
        (tmp_path / name).mkdir()
        (tmp_path / name / "adapter_config.json").write_text(f'{{"r": {rank}}}')
    plain = "vllm serve {model} --host 127.0.0.1 --port {port}"
    assert server_command(plain, "base dir", {}) == ["vllm", "serve", "base dir", *plain.split()[3:]]
    named = server_command(plain, "base", {tmp_path / "a": "adapter-0", tmp_path / "b": "adapter-1"})
    assert named[7:] == [
        "--enable-lora", "--max-lora-rank", "64", "--lora-modules",
        f"adapter-0={tmp_path / 'a'}", f"adapter-1={tmp_path / 'b'}",
    ]  # fmt: skip
    with pytest.raises(InputError, match="lacks"):
        server_command("vllm", "base", {})
