"""Specs of what free answers are made from: prompts that were given, responses, identifications, verdicts."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.config.identifiers import codes_of
from polytune.config.judges import judges
from polytune.judging.protocols import PROTOCOLS
from polytune.study.answers import Judged, Responses
from polytune.study.given import fingerprint

REPEAT_SHARE = 0.05
"""Share of the items that every judge is asked about twice: how far it agrees with itself enters the intervals."""

if TYPE_CHECKING:
    from polytune.study.expand import Study
    from polytune.study.owed import Owed, Verdicts
    from polytune.study.plan import Plan


def build_answer_specs(plan: Plan) -> dict[str, dict]:
    """Return the specs by what they are about."""
    owed = plan.answers
    found = _given_prompts(plan)
    for path, answers in owed.responses.items():
        null = owed.nulls.get(path)
        kind = {"kind": null.kind, "donor": null.lender} if null else {}
        asked = [_asked(one, "" if null else plan.config["generation"]["backend"]) for one in answers.values()]
        found[f"responses/{path}"] = {"run": path, **kind, "responses": asked}
    for (path, name), one in owed.losses.items():
        found[f"losses/{path}/{name}"] = {"run": path, **_questions(one), "items": one.sampling["items"]}
    for identifier in owed.identifiers:
        for batch in owed.identified(identifier):
            row = owed.responses[batch.runs[0]][batch.owed[0]].identifier
            for path in batch.runs:
                asked = {"run": path, "responses": list(batch.owed)}
                found[f"identified/{identifier}/{path}"] = {"identifier": asdict(row), "codes": codes_of(row), **asked}
    return found | {about: _verdicts(owed, one) for about, one in owed.verdicts.items()}


def _given_prompts(plan: Plan) -> dict[str, dict]:
    """Return the specs of prompt files of the user's; a replaced file has another size or time."""
    found = {}
    for prompts in plan.answers.prompts.values():
        for language in plan.answers.languages(prompts.name):
            if file := plan.outside.given_prompts(prompts, language):
                looks = fingerprint([Path(file)], Path(file).parent) if Path(file).is_file() else ""
                found[f"prompts/{prompts.name}/{language}"] = {"layout": prompts.row.layout, "fingerprint": looks}
    return found


def _asked(one: Responses, backend: str) -> dict:
    if not backend:  # null answers
        asked = {"name": one.name, "prompts": one.prompts.name, "languages": list(one.languages)}
        return {**asked, "items": one.sampling["items"]}
    return {**_questions(one), **one.sampling, "backend": backend}


def _questions(one: Responses) -> dict:
    """Return what is asked and how it is put."""
    asked = {"name": one.name, "prompts": one.prompts.name, "languages": list(one.languages)}
    return {**asked, "template": one.template, "template_digest": one.template_digest}


def _verdicts(owed: Owed, one: Verdicts) -> dict:
    judged = [
        {
            "responses": name,
            "prompts": owed.responses[one.run][name].prompts.name,
            "languages": list(languages),
        }
        for name, languages in one.languages.items()
    ]
    return {
        "run": one.run,
        "opponent": one.opponent or None,
        "judge": judges()[one.judge].to_spec(),
        "protocol": one.protocol,
        "protocol_text_digest": PROTOCOLS[one.protocol].text_digest(),
        "judged": judged,
        "repeat_share": REPEAT_SHARE,
    }


def null_rows(plan: Plan, study: Study) -> list[dict]:
    """Return the null runs of a study as rows of its runs."""
    rows = []
    for path, null in plan.answers.nulls.items():
        if null.study == study.name:
            base, method, mixture, _ = path.split("/")
            names = {"run": path, "base": base, "method": method, "mixture": mixture, "seed": 0}
            rows.append({**names, "world": plan.answers.world_of(path), "languages": [], "seen_languages": []})
    return rows


def shown_answers(study: Study) -> list[dict]:
    """Return the responses of a study once each, as figures and tables know them."""
    return [
        {"name": name, "origin": one.origin, "title": one.prompts.row.title, "parallel": one.prompts.row.parallel}
        for name, one in asked_in(study).items()
    ]


def answers_of(plan: Plan, study: Study) -> list[dict]:
    """Return what the runs of a study answered, and by whom and against whom it was judged."""
    return [
        {
            "name": name,
            **({} if one.mixtures is None else {"runs": plan.answers.asked(study, name)}),
            "prompts": one.prompts.listed,
            "files": _prompt_files(study, name),
            "origin": one.origin,
            "parallel": one.prompts.row.parallel,
            "languages": list(one.languages),
            "identifier": one.identifier.identifier if one.identifier else "",
            **({"loss": True} if one.loss else {}),
            "judged": [_judged(plan, study, judged) for judged in study.judged.values() if judged.responses == name],
        }
        for name, one in asked_in(study).items()
    ]


def _prompt_files(study: Study, name: str) -> dict[str, str]:
    """Return under which name the prompts of each world's runs lie, the empty world for real ones."""
    return {
        run.base.world.name if run.base.world else "": study.answers[path][name].prompts.name
        for path, run in study.runs.items()
        if name in study.answers[path]
    }


def asked_in(study: Study) -> dict[str, Responses]:
    """Return what the runs of a study are asked, by the name of the responses."""
    return {name: one for answers in study.answers.values() for name, one in answers.items()}


def _judged(plan: Plan, study: Study, judged: Judged) -> dict:
    who = {"judge": judged.judge, "protocol": judged.protocol}
    if not judged.against:
        runs = plan.answers.judged_runs(study, judged)
        return who if judged.mixtures is None else {**who, "runs": list(runs)}
    against: dict[str, dict[str, list[str]]] = {}
    for run, opponent, languages in plan.answers.meetings(study, judged):
        against.setdefault(run, {})[opponent] = list(languages)
    return {**who, "against": judged.against, "opponents": against}
