"""Rows that a mixture leaves out in every language, since a training would cut an answer of theirs in one."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from polytune.data.cutting import Lengths
from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.mixtures.families import Recipe


def find_incomplete(
    recipe: Recipe, languages: Iterable[str], reports: dict[str, dict], tokens: Path
) -> tuple[tuple[int, ...], list[str]]:
    """Return the keys of rows with a cut answer in one of `languages`, ascending, and what must be said about them.

    `tokens` is the folder of all token stores; the recipe says in which of them (`complete_for`) and at what length.
    Raises `InputError` for a store of other rows than the `reports` are about.
    """
    found: set[int] = set()
    counts = dict.fromkeys(languages, 0)
    for one in recipe.complete_for:
        lengths = Lengths(one["max_length_tokens"], one["max_source_length_tokens"])
        for language in counts:
            store = TokenStore(tokens / one["tokens"] / recipe.source / language)
            if store.index["data_digest"] != reports[language]["digest"]:
                raise InputError(f"{store.path}/index.json: was made of other rows; tokenise the source again")
            cut = store.keys[store.is_cut(lengths)]
            counts[language] = max(counts[language], len(cut))
            found |= set(cut.tolist())
    if not found:
        return (), []
    longest = " or ".join(str(length) for length in sorted({one["max_length_tokens"] for one in recipe.complete_for}))
    everywhere = "every language of the family" if recipe.complete_languages else "every language"
    each = ", ".join(f"{language} {count:,}" for language, count in counts.items() if count)
    note = f"{len(found):,} ids are left out in {everywhere}, since an answer is cut at {longest} tokens: {each}"
    return tuple(sorted(found)), [note]
