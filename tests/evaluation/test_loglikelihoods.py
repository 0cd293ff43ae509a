"""Log-likelihoods equal those of lm-evaluation-harness's own Hugging Face backend, request by request."""

import json

import pytest
import torch

from polytune.errors import InputError
from tests.cases.evaluation_cases import KINDS, SENTENCES, read_first_rows, write_model

RELATIVE = 1e-5
"""How far two float32 sums of the same numbers may lie apart; a processor of another kind adds in another order."""
ABSOLUTE = 5e-5
"""The same for sums near zero, from logits of a hundred."""

MAX_LENGTH = 40

PREMISE = "the man broke his toe because"
QUESTIONS = [
    # one prompt, several choices (XCOPA, XStoryCloze)
    [(PREMISE, " he dropped a hammer on his foot"), (PREMISE, " he went to bed early")],
    [(PREMISE, " he"), (PREMISE, " he fell"), (PREMISE, " he fell")],
    # several contexts, one continuation (XWinograd)
    [("the trophy, the suitcase", " was too big"), ("the trophy, the trophy", " was too big")],
    # no context: the text follows the beginning-of-sequence token (XNLI, PAWS-X)
    [("", "she ran, right? Yes, she"), ("", "she ran, right? Also, she"), ("", "she ran, right? No, she")],
    # trailing spaces belong to the continuation
    [("уронил молоток  ", "на ногу"), ("уронил молоток  ", "и")],
    # choices of one token
    [("a", "b"), ("a", "c")],
    # longer than the model: cut on the left, differently for each choice
    [(" ".join(SENTENCES), " she could not fit the trophy"), (" ".join(SENTENCES), " no")],
]


def make_requests(questions):
    from lm_eval.api.instance import Instance

    return [
        Instance("loglikelihood", {}, arguments, choice, metadata=("task", number, 1))
        for number, question in enumerate(questions)
        for choice, arguments in enumerate(question)
    ]


@pytest.fixture(scope="module")
def hflm():
    """Build lm-evaluation-harness's own backend for a model directory."""
    from lm_eval.models.huggingface import HFLM

    def build(directory, **options):
        return HFLM(str(directory), device="cpu", dtype="float32", batch_size=4, **options)

    return build


def assert_equal(ours, theirs):
    assert len(ours) == len(theirs) > 0
    for (value, greedy), (expected, expected_greedy) in zip(ours, theirs, strict=True):
        assert value == pytest.approx(expected, rel=RELATIVE, abs=ABSOLUTE)
        assert greedy == expected_greedy


@pytest.mark.parametrize("kind", KINDS)
def test_every_architecture_equals_the_harness(kind, tmp_path, hflm):
    from polytune.evaluation.model import PolytuneLM

    directory = write_model(tmp_path, kind, positions=MAX_LENGTH)
    ours = PolytuneLM(str(directory), max_length=MAX_LENGTH, batch_tokens=64)
    theirs = hflm(directory, max_length=MAX_LENGTH).loglikelihood(make_requests(QUESTIONS), disable_tqdm=True)
    assert_equal(ours.loglikelihood(make_requests(QUESTIONS), disable_tqdm=True), theirs)
    # one question alone is the same question: nothing leaks between the rows of a batch
    alone = ours.loglikelihood(make_requests(QUESTIONS[:1]), disable_tqdm=True)
    assert_equal(alone, theirs[: len(QUESTIONS[0])])


SPELLED = [
    [("", "<s>she ran"), ("", "she ran</s>")],
    [("<s>she ran", " home"), ("she</s> ran", " away <pad>")],
    [("a", "</s>"), ("a", "</s></s>")],
]


@pytest.mark.parametrize("kind", ["bloom", "llama", "t5"])
def test_a_text_that_spells_a_special_token_is_text(kind, tmp_path, hflm):
    """As in the harness if its tokenizer is told so; as it comes, it would end sequences in the middle of texts."""
    from polytune.evaluation.model import PolytuneLM

    directory = write_model(tmp_path, kind)
    ours = PolytuneLM(str(directory)).loglikelihood(make_requests(SPELLED), disable_tqdm=True)
    theirs = hflm(directory)
    as_it_comes = theirs.loglikelihood(make_requests(SPELLED), disable_tqdm=True)
    theirs.tokenizer.split_special_tokens = True
    assert_equal(ours, theirs.loglikelihood(make_requests(SPELLED), disable_tqdm=True))
    assert all(abs(mine - other) > 0.1 for (mine, _), (other, _) in zip(ours[2:], as_it_comes[2:], strict=True))


@pytest.mark.parametrize("kind", ["bloom", "llama", "t5", "opt"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_finite_is_refused_with_its_item(kind, value, tmp_path):
    from safetensors.torch import load_file, save_file

    from polytune.evaluation.model import PolytuneLM

    directory = write_model(tmp_path, kind)
    tensors = load_file(directory / "model.safetensors")
    norm = next(name for name in tensors if "norm" in name and tensors[name].dim() == 1)
    tensors[norm][0] = value
    save_file(tensors, directory / "model.safetensors", {"format": "pt"})
    with pytest.raises(InputError, match=r"task, item \d, choice \d: the log-likelihood is (nan|-?inf); .* not finite"):
        PolytuneLM(str(directory)).loglikelihood(make_requests(QUESTIONS), disable_tqdm=True)


@pytest.mark.parametrize("kind", ["bloom", "t5"])
def test_a_continuation_that_cannot_be_scored_is_refused_with_its_item(kind, tmp_path):
    from polytune.evaluation.model import PolytuneLM

    lm = PolytuneLM(str(write_model(tmp_path, kind)), max_length=8)
    for pair, message in {
        ("she ran", ""): "the continuation 0;",
        ("", ""): "the continuation 0;",
        ("a", SENTENCES[2]): r"the continuation \d+; .* at most 8 of the continuation",
        ("  ", "b"): "the context has 0 tokens",
    }.items():
        with pytest.raises(InputError, match=f"task, item 1, choice 1: .*{message}"):
            lm.loglikelihood(make_requests([[("a", "b")], [("a", "b"), pair]]), disable_tqdm=True)


def test_a_token_beyond_the_embedding_is_refused_with_its_text(tmp_path):
    from polytune.evaluation.model import PolytuneLM
    from tests.cases.evaluation_cases import build_model

    directory = write_model(tmp_path)
    build_model("bloom", 300).save_pretrained(directory)
    lm = PolytuneLM(str(directory))
    assert lm.loglikelihood(make_requests([[("a", "b")]]), disable_tqdm=True)  # these are below
    with pytest.raises(InputError, match=r"gives token id 3\d\d for 'the man .*', the model has 300 embeddings"):
        lm.loglikelihood(make_requests(QUESTIONS), disable_tqdm=True)
    build_model("bloom", 1).save_pretrained(directory)
    with pytest.raises(InputError, match=r"the special token 1 is beyond the model's 1 embeddings"):
        PolytuneLM(str(directory))


@pytest.mark.parametrize("kind", KINDS)
def test_context_and_its_order_matter_in_these_models(kind, tmp_path):
    """A model that ignored its context or its positions would pass the other tests for the wrong reason."""
    from polytune.evaluation.model import PolytuneLM

    lm = PolytuneLM(str(write_model(tmp_path, kind)))
    contexts = ("she ran and he fell", "he ran and she fell", "he ran and she slept")
    values = lm.loglikelihood(make_requests([[(context, " on his foot") for context in contexts]]), disable_tqdm=True)
    for first, second in ((0, 1), (1, 2)):
        assert abs(values[first][0] - values[second][0]) > 0.01


def test_slices_of_the_vocabulary_add_up(monkeypatch, tmp_path):
    from polytune.evaluation import scoring
    from polytune.evaluation.model import PolytuneLM

    lm = PolytuneLM(str(write_model(tmp_path, vocabulary=2500)))
    requests = make_requests(QUESTIONS)
    monkeypatch.setitem(scoring.LOGITS_AT_ONCE, "cpu", 1)  # the smallest slices
    sliced = lm.loglikelihood(requests, disable_tqdm=True)
    monkeypatch.setitem(scoring.LOGITS_AT_ONCE, "cpu", 2**40)  # everything at once
    assert_equal(sliced, lm.loglikelihood(requests, disable_tqdm=True))


@pytest.mark.parametrize(("kind", "prefix"), [("bloom", "transformer."), ("llama-odd", "model.")])
def test_weights_saved_without_head_or_prefix_load(kind, prefix):
    """The published BLOOM checkpoints hold the body's tensors without `transformer.`."""
    from polytune.models.bloom import Bloom
    from polytune.models.llama import Llama
    from tests.cases.evaluation_cases import build_model

    model = build_model(kind, 300)
    whole = {name: tensor.contiguous() for name, tensor in model.state_dict().items()}
    body = {name.removeprefix(prefix): value for name, value in whole.items() if name != "lm_head.weight"}
    config = json.loads(model.config.to_json_string(use_diff=False))
    own = Bloom if kind == "bloom" else Llama
    first, second = (own.load(config, tensors, torch.float32) for tensors in (whole, body))
    assert first.state_dict().keys() == second.state_dict().keys()
    for name, tensor in first.state_dict().items():
        assert torch.equal(tensor, second.state_dict()[name])
    assert first.num_parameters() == model.num_parameters()


@pytest.mark.parametrize(
    ("kind", "name"),
    [("bloom", "Bloom"), ("llama", "Llama"), ("llama-odd", "Llama"), ("llama-scaled", "LlamaForCausalLM")],
)
def test_a_model_is_of_our_own_class_where_that_computes_all_of_it(kind, name, tmp_path):
    from polytune.evaluation.model import PolytuneLM

    assert type(PolytuneLM(str(write_model(tmp_path, kind))).model).__name__ == name


@pytest.mark.parametrize("kind", ["llama", "llama-odd"])
def test_long_rows_of_a_llama_take_the_fused_kernel_and_stay_equal(kind, monkeypatch, tmp_path):
    from polytune.evaluation.model import PolytuneLM
    from polytune.models import llama

    lm, fused, kernel = PolytuneLM(str(write_model(tmp_path, kind))), [], llama.functional.scaled_dot_product_attention
    short = lm.loglikelihood(make_requests(QUESTIONS), disable_tqdm=True)
    monkeypatch.setattr(llama, "SHORT", 0)
    monkeypatch.setattr(
        llama.functional, "scaled_dot_product_attention", lambda *a, **o: fused.append(1) or kernel(*a, **o)
    )
    assert_equal(lm.loglikelihood(make_requests(QUESTIONS), disable_tqdm=True), short)
    assert fused


@pytest.mark.parametrize("kind", ["bloom", "llama"])
def test_sixteen_bit_weights_stay_close_and_use_a_float32_softmax(kind, tmp_path):
    from polytune.evaluation.model import PolytuneLM

    directory = write_model(tmp_path, kind)
    exact = PolytuneLM(str(directory)).loglikelihood(make_requests(QUESTIONS), disable_tqdm=True)
    coarse = PolytuneLM(str(directory), precision="bf16")
    assert coarse.model.dtype == torch.bfloat16
    for (value, _), (expected, _) in zip(
        coarse.loglikelihood(make_requests(QUESTIONS), disable_tqdm=True), exact, strict=True
    ):
        assert value == pytest.approx(expected, rel=0.02)


def test_what_is_not_scored_here_is_refused(tmp_path):
    from polytune.evaluation.model import PolytuneLM

    lm = PolytuneLM(str(write_model(tmp_path)))
    with pytest.raises(NotImplementedError, match="'hf'"):
        lm.generate_until([])
    with pytest.raises(NotImplementedError, match="'hf'"):
        lm.loglikelihood_rolling([])


@pytest.mark.parametrize("kind", ["bloom", "gpt2", "t5"])
@pytest.mark.parametrize("name", ["xcopa", "xwinograd"])
def test_real_benchmarks_equal_the_harness(kind, name, tmp_path, hflm, shared_data):
    """A few items of every language of the real XCOPA and XWinograd: log-likelihoods and accuracies."""
    from polytune.config.benchmarks import find_benchmark
    from polytune.evaluation.harness import evaluate_benchmark
    from polytune.evaluation.model import PolytuneLM
    from polytune.evaluation.tasks import list_tasks

    texts = tuple(
        line for path in sorted(shared_data.glob("cambridgeltl/xcopa/data/val.*.jsonl")) for line in path.open()
    )
    directory = write_model(tmp_path, kind, texts=texts, vocabulary=1500)
    benchmark = find_benchmark(name)
    tasks = list_tasks(benchmark, shared_data, None)
    assert len(tasks) == len(benchmark.languages)
    ours, theirs = (
        evaluate_benchmark(lm, benchmark, shared_data, tasks, read_first_rows(benchmark, shared_data, tasks, 6))
        for lm in (PolytuneLM(str(directory)), hflm(directory))
    )
    assert ours["results"].keys() == theirs["results"].keys()
    for task, samples in theirs["samples"].items():
        assert len(samples) == 6
        assert ours["results"][task]["acc,none"] == theirs["results"][task]["acc,none"]
        for our_sample, sample in zip(ours["samples"][task], samples, strict=True):
            assert our_sample["doc_hash"] == sample["doc_hash"]
            assert_equal(our_sample["filtered_resps"], sample["filtered_resps"])
    assert ours["groups"][name]["acc,none"] == theirs["groups"][name]["acc,none"]


@pytest.mark.parametrize("kind", ["bloom", "gpt2", "mixtral", "t5"])
def test_a_prompt_is_computed_once_and_logits_only_where_they_are_scored(kind, tmp_path, monkeypatch):
    from polytune.evaluation import model
    from polytune.evaluation.model import PolytuneLM

    lm = PolytuneLM(str(write_model(tmp_path, kind)))
    fed, scored = [], []
    for name, module in lm.model.named_modules():
        if name.rpartition(".")[2] in ("word_embeddings", "wte", "embed_tokens"):
            module.register_forward_hook(lambda _module, inputs, _output: fed.append(inputs[0].numel()))
    add_scores = model.add_scores

    def counted(scores, hidden, *others):
        scored.append(len(hidden))
        return add_scores(scores, hidden, *others)

    monkeypatch.setattr(model, "add_scores", counted)
    prompt, choices = " ".join(SENTENCES), (" he dropped a hammer", " she slept", " she fell")
    values = lm.loglikelihood(make_requests([[(prompt, choice) for choice in choices]]), disable_tqdm=True)
    assert len(values) == 3
    sizes = [len(lm.tok_encode(text, add_special_tokens=False)) for text in (prompt, *choices)]
    assert sizes[0] > 3 * max(sizes[1:])
    if kind == "t5":  # the decoder reads as many tokens as it predicts, padded to the longest choice
        assert sum(fed) == sizes[0] + 3 * max(sizes[1:])
        assert scored == [sum(sizes[1:])]
    else:  # the choices share the prediction after the prompt, and no choice's last token is read
        assert sum(fed) <= sum(sizes) - 3
        assert scored[0] <= sum(sizes[1:]) - 2
