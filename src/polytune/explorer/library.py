"""The plotting library of the page: Vega-Lite's charts, compiled here, and the bundle that draws them."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

CHARTS = Path(__file__).parent / "charts"
BOUND = ("title", "scheme")
BUNDLE = "window.vegaEmbed = vegaEmbed;"
"""What the bundle gives to the page."""


def compile_charts() -> dict[str, dict]:
    """Return every chart of `charts/` as a Vega specification, by name: the page has nothing left to compile.

    The title of an axis or a legend, or the scheme of a scale, that is `@name` gets the value of the parameter `name`,
    which Vega-Lite itself does not allow there.
    """
    import vl_convert

    compiled = {}
    for path in sorted(CHARTS.glob("*.json")):
        chart = json.loads(path.read_text(encoding="utf-8"))
        compiled[path.stem] = _bind(vl_convert.vegalite_to_vega(chart))
    return compiled


def _bind(value: Any) -> Any:
    if isinstance(value, list):
        return [_bind(entry) for entry in value]
    if not isinstance(value, dict):
        return value
    bound = {key: _bind(entry) for key, entry in value.items()}
    for name in BOUND:
        if isinstance(word := bound.get(name), str) and word.startswith("@"):
            bound[name] = {"signal": word[1:]}
    return bound


@cache
def javascript() -> str:
    """Return the library as a script that defines `vegaEmbed` and nothing else."""
    import vl_convert

    return f"(() => {{{vl_convert.javascript_bundle(BUNDLE)}}})();"


def version() -> str:
    """Return which versions the bundle holds, for the page's last words."""
    import vl_convert

    return f"Vega {vl_convert.get_vega_version()}, vl-convert {vl_convert.__version__}"
