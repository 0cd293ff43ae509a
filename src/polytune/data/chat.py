"""The chat template of an instruct base's own tokenizer, as a prompt template of rows.

The template is Jinja and belongs to the tokenizer; transformers renders it, with marks for the texts, and what stands
around the marks are the patterns. In these its special tokens are special tokens (`Tokenizer.encode` knows them by
marks that no text has), while a question that spells one stays text.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from polytune.data.templates import CHAT, Template
from polytune.errors import InputError, reason
from polytune.models.tokenizer import HIDDEN, Tokenizer

QUESTION, ANSWER, LATER = (f"{word}-7f3a" for word in ("question", "answer", "later"))
PROBE = ("Who said 2 + 2 = 4, and why?", "Nobody. It is so.", "Is it?")


def read_chat_template(tokenizer: Tokenizer) -> Template:
    """Return the chat template of a tokenizer's directory as a template that is named `chat`.

    A row is a question and its answer, in the roles of user and assistant, with whatever the template says before them.
    Raises `InputError` where there is none, where it depends on the day, or where a row could not be that: the answer
    must follow its prompt and end with the end-of-sequence token.
    """
    from transformers import AutoTokenizer

    directory = tokenizer.directory
    try:
        theirs = AutoTokenizer.from_pretrained(directory, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # of any library that reads the user's files
        raise InputError(f"{directory}: the tokenizer cannot be loaded: {reason(error)}") from error
    where = f"{directory}: the chat template of the tokenizer"
    if not isinstance(theirs.chat_template, str):
        raise InputError(f"{directory}: the tokenizer has no chat template; name a template of config/templates.yaml")
    if "strftime_now" in theirs.chat_template:
        raise InputError(f"{where} depends on the day; write the date into it, so that a model can be made again")

    def render(*texts: str, tokenize: bool = False):
        roles = [{"role": ("user", "assistant")[n % 2], "content": text} for n, text in enumerate(texts)]
        try:
            made = theirs.apply_chat_template(roles, tokenize=tokenize, add_generation_prompt=True, return_dict=False)
        except Exception as error:  # Jinja's, and what the template itself raises
            raise InputError(f"{where} cannot be rendered: {reason(error)}") from error
        return made

    template = _template(render, theirs.eos_token, tokenizer, where)
    ours = _encode(template, tokenizer, *PROBE)
    if ours != render(*PROBE, tokenize=True):
        raise InputError(f"{where}: its texts have other token ids in parts than as a whole; it is not supported")
    return template


def _template(render: Callable[..., str], end: str, tokenizer: Tokenizer, where: str) -> Template:
    """Return the patterns of what `render` makes of marks."""
    prompt, whole = render(QUESTION), render(QUESTION, ANSWER, LATER)
    if prompt.count(QUESTION) != 1 or not whole.startswith(prompt + ANSWER):
        raise InputError(f"{where} does not put an answer right after its prompt")
    rest = whole.removeprefix(prompt + ANSWER)
    if not rest.startswith(end) or rest.count(LATER) != 1:
        found = (rest.split() or [""])[0]
        raise InputError(
            f"{where} ends an answer with {found!r}, but 'eos_token' in tokenizer_config.json is {end!r}; make them one"
        )
    prompt, later = (_mark(text, tokenizer) for text in (prompt, rest.removeprefix(end)))
    return Template(
        CHAT,
        prompt.replace(QUESTION, "{instruction}\n\n{input}"),
        prompt.replace(QUESTION, "{instruction}"),
        "{output}",
        later=later.replace(LATER, "{instruction}"),
        trims=f" {QUESTION}" not in render(f" {QUESTION}"),
    )


def _mark(text: str, tokenizer: Tokenizer) -> str:
    """Return a text in which the special tokens that it spells are meant as such."""
    names = sorted((token.content for token in tokenizer.backend.get_added_tokens_decoder().values()), key=len)
    pattern = "|".join(map(re.escape, reversed(names)))
    return re.sub(pattern, lambda found: f"{HIDDEN}{found[0]}{HIDDEN}", text)


def _encode(template: Template, tokenizer: Tokenizer, question: str, answer: str, later: str) -> list[int]:
    texts = [template.prompt(question, ""), template.response(answer), template.prompt(later, "", turn=1)]
    first, said, second = tokenizer.encode(texts, special_tokens=True)
    return [*first, *said, tokenizer.eos_token_id, *second]
