"""New bases: their configuration in the spec, and what their tokenizer decides."""

import json
import shutil

import pytest
from tokenizers import Tokenizer, models

from polytune.errors import InputError
from polytune.files import read_json, sha256_file, write_json
from polytune.training import pretrain, train
from polytune.training.pretrain import complete_config
from tests.cases.training_cases import Case, random_rows, write_store, write_tokenizer

BLOOM = {"model_type": "bloom", "hidden_size": 24, "n_layer": 2, "n_head": 4}


def make_tokenizer(directory, vocabulary: dict[str, int], **named):
    """Write a tokenizer of words with these ids; `named` are the roles that tokenizer_config.json names."""
    directory.mkdir()
    Tokenizer(models.WordLevel(vocabulary, unk_token=next(iter(vocabulary)))).save(str(directory / "tokenizer.json"))
    write_json(directory / "tokenizer_config.json", {"tokenizer_class": "PreTrainedTokenizerFast", **named})
    return directory


def test_a_base_is_pretrained_from_a_configuration_alone(tmp_path):
    case = Case(tmp_path, model=BLOOM).write()
    shutil.rmtree(tmp_path / "tokens")
    for seed, language in enumerate(("en", "fr")):
        rows = [([], prompt + response) for prompt, response in random_rows(10, seed)]
        write_store(tmp_path / "tokens/test" / language, rows)
    case.write_spec(prompt_loss_weight=1.0)
    pretrain.command(**case.pretrain_options())
    pretrain.command(**case.pretrain_options("again"))
    assert sha256_file(tmp_path / "model/model.safetensors") == sha256_file(tmp_path / "again/model.safetensors")
    assert (tmp_path / "model/tokenizer.json").is_file()
    config = read_json(tmp_path / "model/config.json")
    assert config["architectures"] == ["BloomForCausalLM"]
    assert {name: config[name] for name in BLOOM} == BLOOM
    ids = ("vocab_size", "pad_token_id", "eos_token_id", "bos_token_id")
    assert [config[name] for name in ids] == [90, 0, 1, 1]  # of `write_tokenizer`
    assert read_json(tmp_path / "model/manifest.json")["spec"]["model"] == BLOOM
    case.model = None
    case.write_spec()
    train.command(**case.options("tuned", base=tmp_path / "model"))
    assert read_json(tmp_path / "tuned/manifest.json")["updates"] == 5


def test_the_worlds_bases_have_the_configurations_that_they_always_had(tmp_path):
    """Written out: until now the generated world wrote these two files (vocabulary 3,197)."""
    vocabulary = {"<pad>": 0, "</s>": 1, **{f"w{number}": number for number in range(2, 3197)}}
    tokenizer = make_tokenizer(tmp_path / "tokenizer", vocabulary, eos_token="</s>", pad_token="<pad>")
    bloom = {
        "model_type": "bloom", "hidden_size": 96, "n_layer": 3, "n_head": 4, "initializer_range": 0.1,
        "hidden_dropout": 0.0, "attention_dropout": 0.0, "tie_word_embeddings": True, "seq_length": 512,
    }  # fmt: skip
    decided = {"vocab_size": 3197, "bos_token_id": 1, "eos_token_id": 1, "pad_token_id": 0}
    assert complete_config(bloom, tokenizer, "spec.json: 'model") == {**bloom, **decided}
    mt5 = {
        "model_type": "mt5", "d_model": 96, "d_kv": 24, "d_ff": 192, "num_layers": 2, "num_decoder_layers": 2,
        "num_heads": 4, "feed_forward_proj": "gated-gelu", "dropout_rate": 0.0, "tie_word_embeddings": False,
    }  # fmt: skip
    decided = {"vocab_size": 3197, "eos_token_id": 1, "pad_token_id": 0, "decoder_start_token_id": 0}
    assert complete_config(mt5, tokenizer, "spec.json: 'model") == {**mt5, **decided}


def test_the_highest_id_and_not_the_number_of_tokens_is_the_size(tmp_path):
    tokenizer = make_tokenizer(tmp_path / "tokenizer", {"a": 0, "</s>": 7, "b": 40}, eos_token="</s>")
    config = complete_config(BLOOM, tokenizer, "")
    assert (config["vocab_size"], config["eos_token_id"]) == (41, 7)
    assert (config["pad_token_id"], config["bos_token_id"]) == (None, 7)


def test_a_beginning_of_sequence_that_the_tokenizer_names_is_taken(tmp_path):
    tokenizer = make_tokenizer(tmp_path / "tokenizer", {"a": 0, "</s>": 1, "<s>": 2}, eos_token="</s>", bos_token="<s>")
    assert complete_config(BLOOM, tokenizer, "")["bos_token_id"] == 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"vocab_size": 90}, "'model.vocab_size' is 90; the tokenizer decides it, leave it out"),
        ({"bos_token_id": 1}, "'model.bos_token_id' is 1; the tokenizer decides it, leave it out"),
        ({"hiden_size": 24}, "'model.hiden_size' is no key of bloom; did you mean 'hidden_size'?"),
        ({"model_type": "blom"}, "'model': model_type 'blom' is not supported; supported are .*did you mean 'bloom'"),
        ({"model_type": None}, "'model': 'model_type' is missing"),
        ({"hidden_size": "24"}, "'model' makes no model: .*hidden_size"),
        ({"hidden_size": 25}, "'model' makes no model: .*divisible"),
        ({"n_layer": 0}, "'model.n_layer' is 0, it must be 1 or more"),
        ({"n_layer": -1}, "'model.n_layer' is -1, it must be 1 or more"),
    ],
)
def test_configurations_that_make_no_model_are_refused(changes, reason, tmp_path):
    case = Case(tmp_path, model={**BLOOM, **changes})
    case.write_spec()
    write_tokenizer(tmp_path / "base")
    write_store(tmp_path / "tokens/test/en", random_rows(4))
    (tmp_path / "mixture.json").write_text("{}")
    with pytest.raises(InputError, match=rf"spec\.json: {reason}") as error:
        pretrain.command(**case.pretrain_options())
    assert "\n" not in str(error.value)
    assert not (tmp_path / "model").exists()


def test_an_encoder_decoder_needs_a_padding_token(tmp_path):
    tokenizer = make_tokenizer(tmp_path / "tokenizer", {"a": 0, "</s>": 1}, eos_token="</s>")
    with pytest.raises(InputError, match=r"tokenizer_config\.json: 'pad_token' is no token; it starts the decoder"):
        complete_config({"model_type": "t5"}, tokenizer, "")


def test_only_a_new_base_has_a_configuration_in_its_spec(tmp_path):
    case = Case(tmp_path, model=BLOOM).write()
    with pytest.raises(InputError, match=r"spec\.json: key 'model' configures a new base \(polytune pretrain-base\)"):
        train.command(**case.options())
    case.model = None
    case.write_spec()
    with pytest.raises(InputError, match=r"spec\.json: key 'model' is missing: transformers' configuration"):
        pretrain.command(**case.pretrain_options())
    spec = read_json(tmp_path / "spec.json")
    lora = {**spec["hyperparameters"], "lora": {"r": 2, "alpha": 4}}
    (tmp_path / "spec.json").write_text(json.dumps({**spec, "method": "lora", "hyperparameters": lora}))
    with pytest.raises(InputError, match=r"'method' is 'lora'; a base model is pre-trained with 'full'"):
        pretrain.command(**case.pretrain_options())
