"""Figures and tables by name: the kinds that exist, their options, and messages about wrong ones."""

from __future__ import annotations

import importlib
import inspect
import json
from typing import Any

from polytune.errors import InputError, nearest


def parse_spec(text: str, where: str) -> dict[str, Any]:
    """Return the JSON object in `text`; raises `InputError` that begins with `where`."""
    try:
        value = json.loads(text)
    except json.JSONDecodeError as error:
        raise InputError(f"{where}: not valid JSON: {error}") from None
    if not isinstance(value, dict):
        raise InputError(f"{where}: expected a JSON object, found {text}")
    return value


def call_kind(
    kinds: dict[str, tuple[str, str]],
    key: str,
    spec: dict[str, Any],
    given: dict[str, Any],
    defaults: dict[str, Any],
    where: str,
) -> Any:
    """Call the function of the kind that `spec[key]` names with the other keys of `spec` as options.

    The function's parameters are the options. Those named in `given` are filled by the caller, those in `defaults` are
    used where the function has them and `spec` does not. `InputError` begins with `where`: an unknown kind or option, a
    missing option, or what the function refuses.
    """
    options = dict(spec)
    kind = options.pop(key, None)
    if kind not in kinds:
        raise InputError(f"{where}: {key} is '{kind}'{nearest(kind, kinds)}; there are: {', '.join(kinds)}")
    module, name = kinds[kind]
    function = getattr(importlib.import_module(module), name)
    parameters = inspect.signature(function).parameters
    allowed = [parameter for parameter in parameters if parameter not in given]
    for option in options:
        if option not in allowed:
            known = ", ".join(allowed) or "none"
            raise InputError(f"{where}: '{kind}' has no option '{option}'{nearest(option, allowed)}; it has: {known}")
    values = {option: value for option, value in (*defaults.items(), *options.items()) if option in allowed}
    for option in allowed:
        if parameters[option].default is inspect.Parameter.empty and option not in values:
            raise InputError(f"{where}: '{kind}' needs the option '{option}'")
    values.update({parameter: value for parameter, value in given.items() if parameter in parameters})
    try:
        return function(**values)
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
