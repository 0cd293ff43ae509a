"""What free answers cost: generating them, and the judges' calls, tokens and price."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from polytune.config.judges import judges
from polytune.costs.assumptions import GIGA
from polytune.costs.cost import Cost
from polytune.costs.jobs import Job, Subject, stem
from polytune.costs.operations import evaluation_memory
from polytune.files import read_json
from polytune.judging.protocols import PROTOCOLS
from polytune.judging.spend import Lengths, Usage, forecast
from polytune.study.answer_jobs import identified_of
from polytune.study.answer_specs import REPEAT_SHARE

if TYPE_CHECKING:
    from polytune.costs.rules import Costs
    from polytune.study.answers import Responses
    from polytune.study.owed import Verdicts
    from polytune.study.plan import Plan


PARALLEL = re.compile(r"(?:--tensor-parallel-size|-tp|--pipeline-parallel-size|-pp)[ =]+(\d+)")
"""vLLM's options that divide a model over devices."""


@dataclass(frozen=True, eq=False)
class Answered(Subject):
    """Responses of a run with a base."""

    run: str
    base: str
    responses: Responses


@dataclass(frozen=True, eq=False)
class Judged(Subject):
    """Verdicts on responses of one run, or of two side by side."""

    verdicts: Verdicts
    responses: Responses


def find_answers(plan: Plan) -> dict[str, Subject]:
    """Return what the outputs of free answers are about, by their `stem`."""
    found: dict[str, Subject] = {}
    for number, batch in enumerate(plan.answers.batches):
        for run in batch.runs:
            for name in batch.owed:
                one, base = plan.answers.responses[run][name], plan.runs[run].base.name
                found[stem(plan.paths.responses(run, name))] = Answered(f"answers {number}", run, base, one)
    for (run, name), one in plan.answers.losses.items():
        base = plan.runs[run].base.name
        found[stem(plan.paths.loss(run, name))] = Answered(f"loss {run} {name}", run, base, one)
    for identifier in plan.answers.identifiers:
        for number, batch in enumerate(plan.answers.identified(identifier)):
            job = Subject(f"{identifier} {number}")
            found |= {stem(file): job for file in identified_of(plan, identifier, batch)}
    for number, verdicts in enumerate(plan.answers.judge_batches):
        for one in verdicts:
            for name in one.languages:
                file = plan.paths.verdicts(one.run, one.judge, one.protocol, name, one.opponent)
                found[stem(file)] = Judged(f"verdicts {number}", one, plan.answers.responses[one.run][name])
    return found


def server_devices(generation: Mapping) -> int:
    """Return over how many devices a job generates; `generation` is the configuration's.

    Our own loop has one, a server as many as its command says in vLLM's options.
    """
    if generation["backend"] != "server":
        return 1
    return math.prod(map(int, PARALLEL.findall(generation["server"])))


def generation(costs: Costs, job: Job, due: set[str]) -> Cost | None:
    """Return the cost of the responses of a job that are still to be made.

    Seconds per token are those of finished responses of the base; else a step is bound by the memory that it reads, a
    share of the throughput of evaluation (`generation` of `config/costs.yaml`).
    """
    everything = [one for one in costs.subjects_of(job.outputs) if isinstance(one, Answered)]
    if not everything:
        return None
    base, device, devices = everything[0].base, costs.device, costs.answer_devices
    model, assumed = costs.assumptions.model(base), costs.assumptions.content["generation"]
    seconds = costs.assumptions.loading_seconds(model, device)
    for one in costs.subjects_of(job.due):
        if not isinstance(one, Answered):
            continue
        tokens = questions(costs, one.responses) * answer_tokens(costs, one.responses)
        made = [found for run, found in costs.answered if run.split("/")[0] == base and found["tokens"]]
        if measured := [found["seconds"] / found["tokens"] for found in made]:
            seconds += tokens * median(measured)
            continue
        achieved = costs.assumptions.achieved(costs.calibration, "evaluate_run", base, device, devices=devices)
        seconds += model.operations("evaluation", tokens) / (achieved * devices * assumed["share_of_evaluation"])
    hours, memory = seconds / 3600, evaluation_memory(model, device.on_cpu) / devices / GIGA
    return Cost(
        hours * devices,
        hours * devices / device.per_node,
        longest_hours=hours,
        memory_gb=memory,
        too_large=f"generation with {base}" if memory > device.memory_gb else "",
        remedy="use a larger device" + ("" if device.on_cpu else ", or a server over several (generation.server)"),
    )


def loss(costs: Costs, job: Job, due: set[str]) -> Cost | None:
    """Return the cost of a loss on reference answers: as of an evaluation, questions and references are read once."""
    found = [one for one in costs.subjects_of(job.outputs) if isinstance(one, Answered)]
    if not found:
        return None
    (one,), device = found, costs.device
    model, size = costs.assumptions.model(one.base), prompts_size(costs, one.responses)
    rows = one.responses.items * len(one.responses.languages)
    tokens = rows * (size["question_tokens"] + size.get("reference_tokens", 0.0))
    achieved = costs.assumptions.achieved(costs.calibration, "evaluate_run", one.base, device)
    seconds = costs.assumptions.loading_seconds(model, device) + model.operations("evaluation", tokens) / achieved
    return on_one_device(costs, one.base, seconds, "loss")


def on_one_device(costs: Costs, base: str, seconds: float, what: str) -> Cost:
    """Return the cost of a base that computes `what` for `seconds`, which more devices than one cannot share."""
    hours, device = seconds / 3600, costs.device
    memory = evaluation_memory(costs.assumptions.model(base), device.on_cpu) / GIGA
    return Cost(
        hours,
        hours / device.per_node,
        longest_hours=hours,
        memory_gb=memory,
        too_large=f"{what} of {base}" if memory > device.memory_gb else "",
        remedy="use a larger device",
    )


def judgement(costs: Costs, job: Job, due: set[str]) -> Cost | None:
    """Return the calls, tokens and price of the verdicts of a job that are still to be given."""
    total = Usage()
    for one in costs.subjects_of(job.due):
        if isinstance(one, Judged):
            total += expected_usage(costs, one)
    cost = costs.on_a_core("judge")
    cost.judge_calls, cost.price = total.calls, total.price
    cost.judge_tokens = total.prompt_tokens + total.completion_tokens
    return cost


def expected_usage(costs: Costs, one: Judged) -> Usage:
    """Return what judging one file of responses takes, if each request is answered the first time."""
    protocol, judge = PROTOCOLS[one.verdicts.protocol], judges()[one.verdicts.judge]
    languages = one.verdicts.languages[one.responses.name]
    share = len(languages) / len(one.responses.languages)
    per_turn = {turn: round(count * share) for turn, count in turns(costs, one.responses).items()}
    assumed, size = costs.assumptions.content["generation"], prompts_size(costs, one.responses)
    kind = "world" if judge.backend == "world" else "others"
    reference = size.get("reference_tokens", 0.0)
    answer, judgement = answer_tokens(costs, one.responses), assumed["judgement_tokens"][kind]
    lengths = Lengths(size["question_tokens"], answer, judgement, reference)
    return forecast(protocol, judge, per_turn, lengths, REPEAT_SHARE) * assumed["distinct"][kind]


def prompts_size(costs: Costs, responses: Responses) -> dict[str, float]:
    """Return what is assumed of a prompt set: tokens of its texts, questions that ask on."""
    assumed = costs.assumptions.content["generation"]["prompts"]
    return assumed.get(responses.prompts.listed, assumed["others"])


def turns(costs: Costs, responses: Responses) -> dict[int, int]:
    """Return how many questions there are in each turn, in all languages: counted where the prompts were read."""
    row, languages = responses.prompts.row, len(responses.languages)
    first = responses.items * languages
    report = Path(costs.paths.prompts_report(responses.prompts.name, responses.languages[0]))
    if row.turns == 1:
        return {1: first}
    share = prompts_size(costs, responses)["second_turns"]
    if report.exists():
        counted = read_json(report)
        share = counted["turns"] / counted["rows"] - 1
    return {1: first, 2: round(first * share)}


def questions(costs: Costs, responses: Responses) -> int:
    """Return how many answers are asked for."""
    return sum(turns(costs, responses).values())


def answer_tokens(costs: Costs, responses: Responses) -> float:
    """Return the mean tokens of an answer: of finished responses to the same prompts, else an assumption."""
    made = [found for _, found in costs.answered if found["spec"]["prompts"] == responses.prompts.name]
    if counted := [found["tokens"] / found["rows"] for found in made]:
        return median(counted)
    return min(responses.sampling["max_new_tokens"], prompts_size(costs, responses)["answer_tokens"])
