"""The overlay of a study file: what differs on the generated world (scale `world`)."""

from __future__ import annotations

from copy import deepcopy

from polytune.config.schema import check
from polytune.errors import InputError, nearest
from polytune.mixtures.families import AMOUNTS


def apply_overlay(content: dict, overlay: dict, where: str) -> dict:
    """Return the study with the values of its world overlay."""
    content = deepcopy(content)
    _check_names(content, overlay, where)
    if left_out := overlay.get("left_out"):
        _leave_out(content, left_out, where)
    for name, options in content["mixtures"].items():
        changes = overlay["mixtures"].get(name, {})
        if set(AMOUNTS) & changes.keys():
            for amount in AMOUNTS:
                options.pop(amount, None)
        options.update(deepcopy(changes))
        if "base" in options:
            options["base"] = overlay["bases"].get(options["base"]) or options["base"]  # null: checking says so
        if "source" in options:
            options["source"] = overlay["sources"].get(options["source"], options["source"])
    for spec in [*content["figures"].values(), *content["tables"].values()]:
        for option in ("bases", "languages"):
            if isinstance(spec.get(option), list):
                spec[option] = _counterparts(spec[option], overlay[option])
            elif isinstance(spec.get(option), dict):
                spec[option] = {key: _counterparts(names, overlay[option]) for key, names in spec[option].items()}
        if spec.get("vectors_of") in overlay["bases"]:
            spec["vectors_of"] = overlay["bases"][spec["vectors_of"]]
        if "groups" in spec:
            spec["groups"] = {key: _counterparts(group, overlay["languages"]) for key, group in spec["groups"].items()}
    content["analysis"].update(overlay["analysis"])
    # the overlay's own defaults are filled in now: before, they would have hidden what the study says
    content["evaluation"] = check({**content["evaluation"], **overlay["evaluation"]}, "study#evaluation", where)
    content["sources"] = {overlay["sources"].get(name, name): value for name, value in content["sources"].items()}
    for number, entry in enumerate(content["runs"]):
        for base in entry["bases"]:
            if base not in (known := overlay["bases"]):
                raise InputError(
                    f"{where}: runs[{number}].bases: '{base}' has no counterpart in world.bases{nearest(base, known)}; "
                    f"e.g. '{base}: world-bloom', or '{base}: null' to leave it out"
                )
        entry["bases"] = _counterparts(entry["bases"], overlay["bases"])
        changes = {**overlay["hyperparameters"], **overlay["methods"].get(entry["method"], {})}
        lora = {**entry["hyperparameters"].get("lora", {}), **changes.get("lora", {})}
        entry["hyperparameters"].update(deepcopy(changes))
        if lora:
            entry["hyperparameters"]["lora"] = lora
        if "global_batch_rows" in changes:
            entry.pop("batch", None)
        entry["seeds"] = overlay.get("seeds", entry["seeds"])
    content["runs"] = [entry for entry in content["runs"] if entry["bases"]]
    return content


def _leave_out(content: dict, left_out: list[str], where: str) -> None:
    """Take entries of `mixtures` out of a study: also where its runs, figures and tables name them."""
    for name in left_out:
        if name not in content["mixtures"]:
            known = content["mixtures"]
            raise InputError(
                f"{where}: world.left_out: the study has no mixtures '{name}'{nearest(name, known)}; "
                f"there are: {', '.join(known)}"
            )
        del content["mixtures"][name]
    for entry in content["runs"]:
        names = [entry["mixtures"]] if isinstance(entry["mixtures"], str) else entry["mixtures"]
        entry["mixtures"] = [name for name in names if name not in left_out]
    content["runs"] = [entry for entry in content["runs"] if entry["mixtures"]]
    for spec in [*content["figures"].values(), *content["tables"].values()]:
        if isinstance(spec.get("families"), list):
            spec["families"] = [name for name in spec["families"] if name not in left_out]


def _counterparts(names: list[str], of_world: dict[str, str | None]) -> list[str]:
    """Return what stands for each of `names` on the world, once each; what has none there (null) is left out."""
    return [name for name in dict.fromkeys(of_world.get(name, name) for name in names) if name is not None]


def _check_names(content: dict, overlay: dict, where: str) -> None:
    """Raise `InputError` for a name in the overlay that the study does not have."""
    bases = [base for entry in content["runs"] for base in entry["bases"]]
    for key, known in (("mixtures", content["mixtures"]), ("sources", content["sources"]), ("bases", bases)):
        for name in overlay[key]:
            if name not in known:
                raise InputError(
                    f"{where}: world.{key}.{name}: the study has no such {key.removesuffix('s')}{nearest(name, known)}"
                    f"; there are: {', '.join(dict.fromkeys(known))}"
                )
