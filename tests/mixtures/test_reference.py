"""The reference of mixture families: it says every key of every family, and what a mixture has as coordinates."""

from __future__ import annotations

from polytune.mixtures.families import FAMILIES
from polytune.mixtures.reference import COORDINATES, EXAMPLES, MEANINGS, render


def sections() -> dict[str, str]:
    return dict(part.split("`\n", 1) for part in render().split("\n## `")[1:])


def test_every_key_of_every_family_is_said_with_its_default():
    found = sections()
    assert list(found) == list(FAMILIES) == list(EXAMPLES)
    for name, kind in FAMILIES.items():
        rows = {line.split("`")[1]: line for line in found[name].splitlines() if line.startswith("| `")}
        assert list(rows) == list(kind.options)
    assert "| `dominant` | language | `en` |" in found["percent"]
    assert "| `vectors` | text |  |" in found["selected"]
    assert "| `pairs` | list of lists of languages |  |" in found["pairs"]
    assert "| `sizes` | number, range such as `1-52`, or list of them | needed |" in found["incremental"]


def test_nothing_is_explained_that_there_is_not():
    assert set(MEANINGS) == {option for kind in FAMILIES.values() for option in kind.options}
    told = {key for key in COORDINATES for text in sections().values() if f"`{key}`, {COORDINATES[key]}" in text}
    assert told == set(COORDINATES)


def test_the_examples_make_what_the_page_says():
    assert "    # bactrian-x-mine-10-300-rows-in-all\n" in sections()["percent"]
    assert "Coordinates: `percent`, of `percents`; `dominant`," in sections()["percent"]
    assert "    # bactrian-x-mine-far-k2-seed66-1000-rows\n" in sections()["selected"]
