"""What a column of a benchmark's data may hold, as `config/benchmarks.tsv` says it: `label:int(0,1)`."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from polytune.errors import nearest

KINDS = ("any", "text", "text?", "text(a,b)", "int(0,1)", "blank", "id")
"""What the values of a column are: anything (the default), a text that is not empty, a text that may be null or empty
because the task itself leaves such rows out, one of the listed texts or whole numbers, a text with one `_` where the
choices go and more text after it, a name that no other row of the split has (rows may lack it)."""

_DECLARED = re.compile(r"(\w+)(?::(any|text\??|blank|id|(?:text|int)\([^()]+\)))?")


@dataclass(frozen=True)
class Field:
    """One column: its name, its kind (one of `KINDS`) and, if only some values are allowed, these."""

    name: str
    kind: str = "any"
    allowed: tuple[str | int, ...] = ()

    @classmethod
    def parse(cls, declared: str) -> Field:
        """Read `name`, `name:kind` or `name:kind(value,value)`; raises `ValueError` that says what is wrong."""
        match = _DECLARED.fullmatch(declared)
        if match is None:
            raise ValueError(
                f"'{declared}' declares no column; write name or name:kind, with a kind of {' '.join(KINDS)}"
            )
        kind, _, values = (match[2] or "any").removesuffix(")").partition("(")
        listed = tuple(value.strip() for value in values.split(",")) if values else ()
        try:
            return cls(match[1], kind, tuple(map(int, listed)) if kind == "int" else listed)
        except ValueError:
            raise ValueError(f"'{declared}': the values of int(...) must be whole numbers") from None

    def read(self, value: Any) -> Any:
        """Return the value as the harness's tasks expect it; raises `ValueError` that says what it must be.

        Formats differ in types: a whole number may come as `1`, `1.0` or `"1"`, and becomes what the column declares.
        """
        if self.kind == "any" or (self.kind == "id" and value is None):
            return value
        if self.kind == "id":
            if isinstance(value, str | int | float):
                return value
            raise ValueError("must be a text or a number")
        if self.allowed:
            return self._choose(value)
        if self.kind == "text?" and value is None:
            return value
        if not isinstance(value, str):
            raise ValueError("must be a text")
        if self.kind != "text?" and not value.strip():
            raise ValueError("must not be empty")
        try:
            value.encode()
        except UnicodeEncodeError:
            raise ValueError("holds half of a surrogate pair, which is no character") from None
        if self.kind == "blank" and (value.count("_") != 1 or not value.partition("_")[2].strip()):
            raise ValueError("must hold one '_' for the choices, and text after it, which is scored")
        return value

    def _choose(self, value: Any) -> str | int:
        """Return which of the allowed values this is."""
        whole = int(value) if isinstance(value, float) and value.is_integer() else value
        if self.kind == "int" and isinstance(value, str) and re.fullmatch(r"\s*-?\d{1,9}\s*", value):
            whole = int(value)
        elif self.kind == "text" and isinstance(whole, int) and not isinstance(whole, bool):
            whole = str(whole)
        if not isinstance(whole, bool) and whole in self.allowed:
            return whole
        hint = nearest(value, self.allowed) if isinstance(value, str) else ""
        reason = " (an unlabelled split?)" if whole in (-1, None, "") else ""
        raise ValueError(f"must be one of {', '.join(map(str, self.allowed))}{hint}{reason}")
