"""Kinds: what a study chooses by name (mixture families, figures, tables), declared once and checked when planning.

A kind is a function. Its parameters are the options that a study file may give, their annotations say which values are
allowed; the parameters named in `needs` are filled by the caller (scores, similarities, ...). A parameter whose type is
a dataclass stands for the options that are its fields: what many kinds share is written once. So a misspelt option, a
language that does not exist or a missing key is one line before the first job, and the documentation is written from
the same signatures.
"""

from __future__ import annotations

import dataclasses
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal, NewType

from polytune.errors import InputError, nearest, nearest_owner

# What an option may be annotated with besides Python's own types: the values are looked up where the study is checked.
Language = NewType("Language", str)  # a code of config/languages.tsv
Evaluation = NewType("Evaluation", str)  # a benchmark (later: a prompt set) that the study evaluates
Measure = NewType("Measure", str)  # what is measured: acc, choice_probability, ...
Coordinate = NewType("Coordinate", str)  # a column of the table of runs
Published = NewType("Published", str)  # a file of config/published
Family = NewType("Family", str)  # a key of the study's mixtures
Mixture = NewType("Mixture", str)  # a mixture of the study
Base = NewType("Base", str)  # a base that the study tunes
Method = NewType("Method", str)  # a method of the study's runs: full, lora
Judge = NewType("Judge", str)  # a judge of the study, or an identifier of languages
Protocol = NewType("Protocol", str)  # how the judge is asked
Opponent = NewType("Opponent", str)  # what answers are set against: base, monolingual, a key of the study's mixtures

Allowed = Mapping[str, Collection[str]]
"""The values of each of these types in one study, by the type's name."""

WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Kind:
    """One kind: where its function is, what the caller gives it, and one sentence that says what it shows."""

    function: str
    """`module:name`; the module is imported when the kind is checked or used, so it must import nothing heavy."""
    needs: tuple[str, ...]
    """Parameters that the caller fills; the others are the kind's options."""
    caption: str
    marks: str = ""
    """Of a figure: sentences that say what its marks mean (dots, bars, bands, dashes, cells), none that it has not."""

    @cached_property
    def call(self) -> typing.Callable[..., Any]:
        """Return the function."""
        module, _, name = self.function.partition(":")
        return getattr(importlib.import_module(module), name)

    @cached_property
    def groups(self) -> dict[str, type]:
        """Return the parameters that stand for several options, and the dataclasses whose fields these are."""
        hints = {name: self._evaluate(parameter) for name, parameter in self._parameters.items()}
        return {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}

    @cached_property
    def options(self) -> dict[str, inspect.Parameter]:
        """Return the options by name, the fields of dataclasses in the place of these."""
        options = {}
        for name, parameter in self._parameters.items():
            options |= inspect.signature(self.groups[name]).parameters if name in self.groups else {name: parameter}
        return options

    def hint(self, option: str) -> Any:
        """Return the type of an option; only options' annotations are evaluated, others may name heavy libraries."""
        group = self._owners.get(option)
        return self._evaluate(self.options[option], vars(sys.modules[group.__module__]) if group else None)

    def arguments(self, values: Mapping[str, Any]) -> dict[str, Any]:
        """Return the arguments of the function for the options' `values`."""
        arguments = {name: value for name, value in values.items() if name in self._parameters}
        for name, group in self.groups.items():
            arguments[name] = group(
                **{key: values[key] for key in inspect.signature(group).parameters if key in values}
            )
        return arguments

    @cached_property
    def _owners(self) -> dict[str, type]:
        """Return the dataclass of each option that is a field of one."""
        return {option: group for group in self.groups.values() for option in inspect.signature(group).parameters}

    @cached_property
    def _parameters(self) -> dict[str, inspect.Parameter]:
        parameters = inspect.signature(self.call).parameters
        return {name: parameter for name, parameter in parameters.items() if name not in self.needs}

    def _evaluate(self, parameter: inspect.Parameter, names: dict[str, Any] | None = None) -> Any:
        annotation = parameter.annotation
        return eval(annotation, names or self.call.__globals__) if isinstance(annotation, str) else annotation


Kinds = Mapping[str, Kind]


def check_kind(
    kinds: Kinds, key: str, spec: Mapping[str, Any], where: str, allowed: Allowed, defaults: Collection[str] = ()
) -> Kind:
    """Return the kind that `spec[key]` names, its other keys checked as options.

    Options named in `defaults` are given elsewhere and may be missing. Raises `InputError` that begins with `where`: an
    unknown kind or option, a missing one, or a value that is not allowed, each with what is and the nearest match.
    """
    name = spec.get(key)
    if name not in kinds:
        raise InputError(f"{where}: {key} is '{name}'{nearest(name, kinds)}; there are: {', '.join(kinds)}")
    kind = kinds[name]
    for option, value in spec.items():
        if option == key:
            continue
        if option not in kind.options:
            known = ", ".join(kind.options) or "none"
            hint = nearest(option, kind.options)
            raise InputError(f"{where}: '{name}' has no option '{option}'{hint}; it has: {known}")
        check_value(kind.hint(option), value, f"{where}.{option}", allowed)
    for option, parameter in kind.options.items():
        if parameter.default is inspect.Parameter.empty and option not in spec and option not in defaults:
            raise InputError(f"{where}: '{name}' needs the option '{option}'")
    return kind


def check_value(hint: Any, value: Any, where: str, allowed: Allowed) -> None:
    """Raise `InputError` that begins with `where` if `value` is not one that the type `hint` allows."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return
    if origin in (typing.Union, types.UnionType):
        _check_union(arguments, value, where, allowed)
    elif origin is Literal:
        if value not in arguments:
            choices = ", ".join(map(str, arguments))
            raise InputError(f"{where}: '{value}' is not allowed{nearest(value, arguments)}; allowed: {choices}")
    elif isinstance(hint, NewType):
        check_value(hint.__supertype__, value, where, allowed)
        known = allowed.get(hint.__name__)
        if known is not None and value not in known:
            raise InputError(f"{where}: no {_word(hint)} '{value}'{_hint(value, known)}; there are: {_shown(known)}")
    elif origin in (list, tuple):
        if not isinstance(value, list | tuple):
            raise InputError(f"{where}: {value!r} is not allowed; expected a list")
        if origin is tuple and arguments[-1] is not Ellipsis and len(value) != len(arguments):
            raise InputError(f"{where}: {value!r} has {len(value)} entries; expected {len(arguments)}")
        for number, item in enumerate(value):
            check_value(arguments[0], item, f"{where}[{number}]", allowed)
    elif origin is dict:
        if not isinstance(value, dict):
            raise InputError(f"{where}: {value!r} is not allowed; expected a mapping")
        for name, item in value.items():
            check_value(arguments[0], name, where, allowed)
            check_value(arguments[1], item, f"{where}.{name}", allowed)
    else:
        accepted = (int, float) if hint is float else hint
        if not isinstance(value, accepted) or (isinstance(value, bool) and hint is not bool):
            raise InputError(f"{where}: {value!r} is not allowed; expected {WORDS.get(hint, hint.__name__)}")


def change_values(hint: Any, value: Any, word: str, change: typing.Callable[[str], str]) -> Any:
    """Return `value` with every text in it changed that the type `hint` says is of the type named `word`.

    What does not fit the type stays as it is: `check_value` says what is wrong with it.
    """
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if isinstance(hint, NewType):
        return change(value) if hint.__name__ == word and isinstance(value, str) else value
    if origin in (typing.Union, types.UnionType):
        for choice in arguments:
            value = change_values(choice, value, word, change)
    elif origin in (list, tuple) and isinstance(value, list | tuple):
        return [change_values(arguments[0], item, word, change) for item in value]
    elif origin is dict and isinstance(value, dict):
        changed = [(change_values(arguments[0], key, word, change), key) for key in value]
        if len({name for name, _ in changed}) == len(value):
            return {name: change_values(arguments[1], value[key], word, change) for name, key in changed}
    return value


def _check_union(choices: tuple, value: Any, where: str, allowed: Allowed) -> None:
    if value is None and type(None) in choices:
        return
    errors, shaped = [], []
    for choice in choices:
        if choice is type(None):
            continue
        try:
            return check_value(choice, value, where, allowed)
        except InputError as error:
            errors.append(error)
            shaped += [error] * _is_shaped(choice, value)
    raise (shaped or errors)[0]  # of the choice that fits best: a list was meant where a list was given


def _is_shaped(hint: Any, value: Any) -> bool:
    if typing.get_origin(hint) is Literal:
        return type(value) in map(type, typing.get_args(hint))
    return isinstance(value, typing.get_origin(hint) or getattr(hint, "__supertype__", hint))


def _hint(value: str, known: Collection[str]) -> str:
    """Return which known value was meant: by its names too, where `known` maps to what has a name and other names."""
    if not (isinstance(known, Mapping) and all(hasattr(entry, "names") for entry in known.values())):
        return nearest(value, known)
    owners = {name: code for code, entry in known.items() for name in (code, *entry.names)}
    meant = owners.get(value) or nearest_owner(value, owners)
    return f"; did you mean '{meant}' ({known[meant].name})?" if meant else ""


def _word(hint: NewType) -> str:
    return hint.__name__.lower()


def _shown(known: Collection[str]) -> str:
    return ", ".join(sorted(map(str, known))) or "none"


def call_kind(
    kinds: Kinds, key: str, spec: Mapping[str, Any], given: Mapping[str, Any], defaults: Mapping[str, Any], where: str
) -> Any:
    """Call the function of the kind that `spec[key]` names with the other keys as options.

    `given` fills what the kind needs; values of `defaults` are used where the kind has such an option and `spec` does
    not give it. `InputError`s of the function begin with `where`.
    """
    kind = check_kind(kinds, key, spec, where, {}, defaults)
    values = {option: value for option, value in {**defaults, **spec}.items() if option in kind.options}
    try:
        return kind.call(**{name: given[name] for name in kind.needs}, **kind.arguments(values))
    except InputError as error:
        raise InputError(f"{where}: {error}") from None
