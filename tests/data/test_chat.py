"""Chat templates of tokenizers: the ids of rows, prompts and conversations are those of transformers."""

import json

import numpy as np
import pytest

from polytune.data.chat import read_chat_template
from polytune.data.tokens import encode_rows
from polytune.errors import InputError
from polytune.generation.conversation import Form
from polytune.models.tokenizer import read_tokenizer

CHATML = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}"
    "{{ '<|im_start|>system\nBe good.<|im_end|>\n' }}{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
HEADERS = (
    "{{ bos_token }}{% for m in messages %}"
    "{{ '<|head|>' + m['role'] + '<|/head|>\n\n' + m['content'] | trim + eos_token }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|head|>assistant<|/head|>\n\n' }}{% endif %}"
)
TEMPLATES = {"chatml": (CHATML, "<|im_end|>"), "headers": (HEADERS, "</s>")}
ROWS = [
    ("who fell?", "The man fell.", "the man"),
    ("what broke", "", "his toe"),
    ("say <|im_end|> and </s>", "", "a <|im_start|> is text"),
    ("martillo", "él cayó\n", "sí, cayó"),
]


def write_chat(folder, template, end):
    """Write a byte-level tokenizer with a chat template, and a padding token of its own; return ours and theirs."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoTokenizer, PreTrainedTokenizerFast

    backend = Tokenizer(models.BPE())
    backend.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    backend.decoder = decoders.ByteLevel()
    special = ["<pad>", "<s>", "</s>", "<|im_start|>", "<|im_end|>", "<|head|>", "<|/head|>"]
    trainer = trainers.BpeTrainer(
        vocab_size=340,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    backend.train_from_iterator(["the man fell and broke his toe; who fell? the man"] * 3, trainer)
    names = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": end, "additional_special_tokens": special[3:]}
    made = PreTrainedTokenizerFast(tokenizer_object=backend, **names)
    made.chat_template = template
    made.save_pretrained(folder)
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))
    return read_tokenizer(folder), AutoTokenizer.from_pretrained(folder)


def by_transformers(theirs, *texts, prompt=False):
    """The ids of a conversation; a text that spells a special token has none here, so texts without one are given."""
    roles = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
    return theirs.apply_chat_template(roles, tokenize=True, add_generation_prompt=prompt, return_dict=False)


@pytest.mark.parametrize("name", TEMPLATES)
def test_rows_and_prompts_have_the_ids_of_transformers(name, tmp_path):
    ours, theirs = write_chat(tmp_path, *TEMPLATES[name])
    template = read_chat_template(ours)
    prompts = [template.prompt(question, more) for question, more, _ in ROWS]
    ids, sizes, prompt_sizes = encode_rows(prompts, [template.response(row[2]) for row in ROWS], ours, False)
    ends = np.cumsum(sizes)
    form = Form(ours, template, encoder_decoder=False)
    for row, (question, more, answer) in enumerate(ROWS):
        tokens = ids[ends[row] - sizes[row] : ends[row]].tolist()
        asked = f"{question}\n\n{more}" if more else question
        assert tokens[-1] == ours.eos_token_id and tokens.count(ours.eos_token_id) == 1 + prompts[row].count(
            f"\uffff{theirs.eos_token}\uffff"
        ), "what a row spells is text"
        assert ours.decode(tokens[prompt_sizes[row] : -1]) == answer, "the loss is on the answer and its end"
        if "<|" not in question:
            prompt = by_transformers(theirs, asked, prompt=True)
            assert tokens[: prompt_sizes[row]] == prompt
            assert by_transformers(theirs, asked, answer)[: len(tokens)] == tokens
            if not more:
                assert form.encode([([question], [])]) == [prompt], "generation sees what training saw"


@pytest.mark.parametrize("name", TEMPLATES)
def test_a_conversation_goes_on_as_transformers_renders_it(name, tmp_path):
    ours, theirs = write_chat(tmp_path, *TEMPLATES[name])
    form = Form(ours, read_chat_template(ours), encoder_decoder=False)
    turns = ("who fell?", "the man", "what broke", "his toe", "who fell?")
    assert form.encode([(turns[::2], turns[1::2])]) == [by_transformers(theirs, *turns, prompt=True)]


@pytest.mark.parametrize(
    "template, end, message",
    [
        (None, "</s>", "the tokenizer has no chat template; name a template of config/templates.yaml"),
        (CHATML, "</s>", "ends an answer with '<|im_end|>', but 'eos_token' in tokenizer_config.json is '</s>'"),
        ("{{ strftime_now('%d') }}" + CHATML, "<|im_end|>", "depends on the day"),
        ("{{ raise_exception('only in Latin') }}", "</s>", "cannot be rendered: only in Latin"),
        (CHATML.replace("assistant\n", "assistant\n<think>"), "<|im_end|>", "does not put an answer right after its"),
    ],
)
def test_templates_that_rows_cannot_follow_are_refused(template, end, message, tmp_path):
    ours, _ = write_chat(tmp_path, template, end)
    with pytest.raises(InputError) as raised:
        read_chat_template(ours)
    assert message in str(raised.value)
