"""Languages in a study file, by whatever they are called: our codes take their place before anything else is read."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from polytune.config.kinds import Kinds, change_values
from polytune.errors import InputError
from polytune.figures.kinds import FIGURES
from polytune.languages.codes import known_code
from polytune.mixtures.families import FAMILIES
from polytune.tables.kinds import TABLES


def with_codes(content: dict) -> dict:
    """Return the content of a checked study file with our code wherever a language is named.

    What no language is called stays as it is; whoever reads it says so, with file and key.
    """
    content = deepcopy(content)
    overlay = content.get("world", {})
    families = {key: options.get("family") for key, options in content["mixtures"].items()}
    for part in (content, overlay):
        for entry in _entries(part.get("sources", {})):
            _change(entry, "languages")
        for key, options in part.get("mixtures", {}).items():
            _options(options, FAMILIES, options.get("family", families.get(key)))
            _change(options.get("replay", {}), "languages")
        for entry in _entries(part.get("evaluation", {}).get("prompts", {})):
            _change(entry, "languages")
        analysis = part.get("analysis", {})
        _change_all(analysis.get("counted_as_untuned", {}))
        for section, key, kinds in (("figures", "draw", FIGURES), ("tables", "build", TABLES)):
            for spec in _entries(content[section]):
                _options(analysis, kinds, spec.get(key))
                _options(spec, kinds, spec.get(key))
    if isinstance(stand := overlay.get("languages"), dict):
        overlay["languages"] = {_code(name): _code(other) for name, other in stand.items()}
    return content


def _entries(section: Any) -> list[dict]:
    """Return the mappings of a section; other values are no options."""
    values = section.values() if isinstance(section, Mapping) else section
    return [entry for entry in values if isinstance(entry, dict)]


def _options(options: dict, kinds: Kinds, name: Any) -> None:
    """Change the options of a kind that are languages, lists of them, or mappings with them."""
    if name not in kinds:
        return
    kind = kinds[name]
    for option in options.keys() & kind.options.keys():
        options[option] = change_values(kind.hint(option), options[option], "Language", _code)


def _change(entry: dict, key: str) -> None:
    if isinstance(entry.get(key), list):
        entry[key] = [_code(item) for item in entry[key]]


def _change_all(section: Any) -> None:
    if isinstance(section, dict):
        for key in section:
            _change(section, key)


def _code(name: Any) -> Any:
    if not isinstance(name, str):
        return name
    try:
        return known_code(name) or name
    except InputError:  # a name of two languages: whoever reads it says so
        return name
