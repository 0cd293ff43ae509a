"""Who has seen a language: the base model in pre-training, the tuned model in its mixtures, both or neither.

Lucky 52 (arXiv 2404.04850, section 4.2) sorts the evaluated languages into these four groups. They follow from the
bases and the mixtures and are listed nowhere.
"""

from __future__ import annotations

from collections.abc import Collection

EXPOSURES = ("both", "base", "tuning", "neither")


def classify_exposure(language: str, seen: Collection[str], tuned: Collection[str]) -> str:
    """Return who has seen `language`: `both`, `base` (only), `tuning` (only) or `neither`.

    `seen` are the languages of pre-training, `tuned` those of all mixtures that the study tunes this base on.
    """
    if language in seen:
        return "both" if language in tuned else "base"
    return "tuning" if language in tuned else "neither"
