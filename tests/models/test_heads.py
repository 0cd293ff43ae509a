"""The same head in training and scoring as in transformers: tied or not, whatever config.json and the file say."""

import copy
import json

import pytest
import torch
from safetensors.torch import load_file, save_file

from polytune.errors import InputError
from polytune.models.directory import ModelDirectory
from polytune.models.load import load_scorer
from tests.cases.evaluation_cases import build_model, write_model

EMBEDDINGS = {
    "bloom": "transformer.word_embeddings.weight",
    "gpt2": "transformer.wte.weight",
    "llama": "model.embed_tokens.weight",
    "gpt_neox": "gpt_neox.embed_in.weight",
    "t5": "shared.weight",
    "mt5": "shared.weight",
}
HEADS = {"gpt_neox": "embed_out.weight"}
TOKENS = torch.tensor([[5, 17, 40, 41, 7, 290]])


def write(directory, kind, tie, head):
    """Write a model whose config.json says `tie`, and whose file has a `head`: its own, the embedding's, or none."""
    write_model(directory, kind)
    file, config = directory / "model.safetensors", directory / "config.json"
    tensors, name = load_file(file), HEADS.get(kind, "lm_head.weight")
    embedding = tensors[EMBEDDINGS[kind]]
    tensors.pop(name, None)
    torch.manual_seed(9)
    if head == "own":
        tensors[name] = 3 * torch.randn_like(embedding)
    elif head == "same":
        tensors[name] = embedding.clone()
    save_file(tensors, file, {"format": "pt"})
    config.write_text(json.dumps({**json.loads(config.read_text()), "tie_word_embeddings": tie}))
    return directory


def reference(directory):
    """Return transformers' logits, and its complaint about missing tensors."""
    import transformers

    name = json.loads((directory / "config.json").read_text())["architectures"][0]
    model, report = getattr(transformers, name).from_pretrained(directory, output_loading_info=True)
    with torch.no_grad():
        return _logits(model.eval()), report["missing_keys"]


def _logits(model):
    return model(input_ids=TOKENS, **({"decoder_input_ids": TOKENS} if model.config.is_encoder_decoder else {})).logits


def scored(directory):
    """Return the log-probabilities of all next tokens of TOKENS by scoring, one request each."""
    from polytune.evaluation.model import PolytuneLM

    lm, ids = PolytuneLM(str(directory)), TOKENS[0].tolist()
    if lm.backend == "seq2seq":
        requests = [("", ids, [token, *ids[1:]]) for token in range(3, 300, 13)]
    else:
        requests = [("", ids, [token]) for token in range(3, 300, 13)]
    return [value for value, _ in lm._loglikelihood_tokens(requests, disable_tqdm=True)]


def trained(directory):
    """Return the loss of predicting every token of TOKENS by the path of training."""
    from polytune.training.batches import Pack
    from polytune.training.layout import build_layout
    from polytune.training.model import compute_packs, load_base

    model = load_base(directory)
    compute_packs(model)
    length = TOKENS.shape[1]
    places, ones = torch.arange(length), torch.ones(length)
    pack = Pack(TOKENS, places[None], build_layout([length]), places, TOKENS[0], ones)
    if model.config.is_encoder_decoder:
        source = build_layout([length], mask_padding=True)
        pack = Pack(TOKENS, places[None], build_layout([length]), places, TOKENS[0], ones, TOKENS, source)
    with torch.no_grad():
        return float(model.eval()(pack=pack))


@pytest.mark.parametrize("head", ["own", "same", "none"])
@pytest.mark.parametrize("tie", [True, False])
@pytest.mark.parametrize("kind", EMBEDDINGS)
def test_logits_are_those_of_transformers(kind, tie, head, tmp_path):
    directory = write(tmp_path, kind, tie, head)
    logits, missing = reference(directory)
    if missing:
        assert not tie and head == "none"
        for read in (scored, trained):
            with pytest.raises(InputError, match=r"lack 'lm_head\.weight'|not in its files, first \w+\.weight"):
                read(directory)
        return
    loss = torch.nn.functional.cross_entropy(logits[0], TOKENS[0], reduction="sum")
    assert trained(directory) == pytest.approx(float(loss), rel=1e-5)
    if kind in ("t5", "mt5"):
        model = load_scorer(ModelDirectory.find(directory), "cpu", "float32")
        with torch.no_grad():
            torch.testing.assert_close(_logits(model), logits)
        expected = _seq2seq(directory)
    else:
        expected = logits[0, -1].log_softmax(-1)[3:300:13].tolist()
    assert scored(directory) == pytest.approx(expected, rel=1e-5, abs=1e-4)


def _seq2seq(directory):
    """Return what `scored` returns, by transformers' own labels."""
    import transformers

    model, ids = transformers.AutoModelForSeq2SeqLM.from_pretrained(directory).eval(), TOKENS[0].tolist()
    found = []
    for token in range(3, 300, 13):
        labels = torch.tensor([[token, *ids[1:]]])
        with torch.no_grad():
            logs = model(input_ids=TOKENS, labels=labels).logits[0].double().log_softmax(-1)
        found.append(float(logs.gather(1, labels.T).sum()))
    return found


def test_tied_and_untied_heads_differ(tmp_path):
    """Else the tests above could pass for the wrong reason."""
    values = [scored(write(tmp_path / f"{tie}{head}", "bloom", tie, head)) for tie, head in
              ((True, "own"), (True, "same"), (True, "none"), (False, "own"), (False, "same"))]  # fmt: skip
    assert values[0] == values[3] != values[1]
    assert values[1] == values[2] == pytest.approx(values[4])


@pytest.mark.parametrize("kind", ["bloom", "t5", "mt5", "llama"])
@pytest.mark.parametrize("head", ["own", "same"])
def test_a_trained_copy_keeps_its_head(kind, head, tmp_path):
    """Loaded for training, saved and scored: the same numbers, T5's scale of the head included."""
    from polytune.training.model import load_base

    directory = write(tmp_path / "base", kind, head == "same", head)
    before = scored(directory)
    copied = write_model(tmp_path / "copy", kind)
    load_base(directory).save_pretrained(copied)
    assert scored(copied) == pytest.approx(before, rel=1e-6)


def test_an_adapter_on_a_tied_head_leaves_the_embedding_alone(tmp_path):
    from peft import LoraConfig, PeftModel, get_peft_model
    from transformers import BloomForCausalLM

    base, adapter = write_model(tmp_path / "base"), tmp_path / "adapter"
    model = get_peft_model(build_model("bloom", 400), LoraConfig(r=2, target_modules=["lm_head"]))
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if "lora_" in name:
                parameter.copy_(0.3 * torch.randn_like(parameter))
    model.save_pretrained(adapter, save_embedding_layers=False)  # else peft saves the head itself, too
    loaded = load_scorer(ModelDirectory.find(adapter, base), "cpu", "float32")
    plain = copy.deepcopy(BloomForCausalLM.from_pretrained(base))
    embedding = "transformer.word_embeddings.weight"
    assert torch.equal(loaded.state_dict()[embedding], plain.state_dict()[embedding])
    reference = PeftModel.from_pretrained(plain, adapter).merge_and_unload()
    torch.testing.assert_close(loaded.lm_head.weight.data, reference.lm_head.weight.data)
    assert not torch.equal(loaded.lm_head.weight, loaded.transformer.word_embeddings.weight)
