"""The overlay of a study file: what differs on the generated world (scale `world`)."""

from __future__ import annotations

from copy import deepcopy

from polytune.errors import InputError, nearest
from polytune.mixtures.families import AMOUNTS


def apply_overlay(content: dict, overlay: dict, where: str) -> dict:
    """Return the study with the values of its world overlay."""
    content = deepcopy(content)
    _check_names(content, overlay, where)
    for name, options in content["mixtures"].items():
        changes = overlay["mixtures"].get(name, {})
        if set(AMOUNTS) & changes.keys():
            for amount in AMOUNTS:
                options.pop(amount, None)
        options.update(deepcopy(changes))
        if "source" in options:
            options["source"] = overlay["sources"].get(options["source"], options["source"])
    for spec in [*content["figures"].values(), *content["tables"].values()]:
        if isinstance(spec.get("bases"), list):
            spec["bases"] = [overlay["bases"].get(base, base) for base in spec["bases"]]
    content["analysis"].update(overlay["analysis"])
    content["evaluation"].update(overlay["evaluation"])
    content["sources"] = {overlay["sources"].get(name, name): value for name, value in content["sources"].items()}
    for number, entry in enumerate(content["runs"]):
        try:
            entry["bases"] = [overlay["bases"][base] for base in entry["bases"]]
        except KeyError as error:
            known = overlay["bases"]
            raise InputError(
                f"{where}: runs[{number}].bases: {error} has no counterpart in world.bases"
                f"{nearest(error.args[0], known)}; e.g. '{error.args[0]}: world-bloom'"
            ) from None
        lora = {**entry["hyperparameters"].get("lora", {}), **overlay["hyperparameters"].get("lora", {})}
        entry["hyperparameters"].update(deepcopy(overlay["hyperparameters"]))
        if lora:
            entry["hyperparameters"]["lora"] = lora
        if "global_batch_rows" in overlay["hyperparameters"]:
            entry.pop("batch", None)
        entry["seeds"] = overlay.get("seeds", entry["seeds"])
    return content


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
