"""Study files and configuration: expansion to runs, and mistakes that are explained."""

from __future__ import annotations

import math

import pytest

from polytune.analysis.context import Context
from polytune.config.settings import load_config
from polytune.errors import InputError
from polytune.study.expand import nodes_for
from polytune.study.plan import Plan


@pytest.fixture(scope="module")
def lucky52(project):
    return (project / "config/studies/lucky52.yaml").read_text()


def plan_of(tmp_path, text, **config):
    path = tmp_path / "study.yaml"
    path.write_text(text)
    return Plan(load_config({"studies": [str(path)], **config}))


@pytest.mark.parametrize(
    "old, new, message",
    [
        (
            "family: incremental",
            "famliy: incremental",
            "mixtures.incremental: the key 'family' is missing; is it 'famliy'?",
        ),
        ("order: [en, zh,", "order: [en, zz,", "mixtures.incremental.order[1]: no language 'zz'"),
        ("languages: [ht]}", "languages: [hatt]}", "languages[0]: no language 'hatt'"),
        (
            "benchmark: xwinograd, languages: [ja]",
            "benchmark: xwinograd, languages: [jpp]",
            "no language 'jpp'",
        ),
        ("order: [en, zh,", "order: [en, no,", "source 'world' has no rows in 'no'"),
        ("sizes: [1, 2, 4,", "sizes: [1, 2, 53,", "sizes: 53 is outside 1 to 52, the length of 'order'"),
        ("learning_rate: 3e-3", "learning_rate: fast", "world.hyperparameters.learning_rate"),
        ("epochs: 3 #", "epoch: 3 #", "unknown key 'runs[0].hyperparameters.epoch'; did you mean 'epochs'"),
        (
            "bases: {bloom-7b1: world-bloom}",
            "bases: {bloom-7b1: world-blom}",
            "'world-blom' is neither in config/bases.tsv nor in config/world.yaml; did you mean 'world-bloom'?",
        ),
        (
            "[xcopa, xstorycloze, xwinograd] # section",
            "[xcopa, xstory] # section",
            "no benchmark 'xstory'; did you mean 'xstorycloze'?",
        ),
        ("draw: accuracy_by_languages", "darw: accuracy_by_languages", "the key 'figures.fig1a.draw' is missing"),
        ("rows: 400", "rows: 400\n      share: 0.5", "exactly one of rows, total_rows, share"),
        ("    rows: 400", "    rows: 400\n      rows: 500", "the key 'rows' stands twice"),
    ],
)
def test_a_mistake_in_a_study_names_file_and_key(lucky52, tmp_path, old, new, message):
    assert old in lucky52
    with pytest.raises(InputError) as raised:
        plan_of(tmp_path, lucky52.replace(old, new, 1))
    assert "study.yaml: " in str(raised.value)
    assert message in str(raised.value)


def sizes_of(plan):
    """The tuned runs of a plan by their number of languages."""
    return {plan.recipes[run.mixture].size: run for run in plan.tuned.values()}


def test_the_full_study_is_the_papers(lucky52, tmp_path):
    """Lucky 52, section 3.1: 2 to 10 nodes of 8 devices, global batch 256 to 1280, learning rate 3e-5, 3 epochs."""
    plan = plan_of(tmp_path, lucky52, scale="full")
    tuned = sizes_of(plan)
    assert sorted(tuned) == list(range(1, 53))
    batches = [tuned[n].spec["hyperparameters"]["global_batch_rows"] for n in range(1, 53)]
    assert (batches[0], batches[-1]) == (256, 1280)
    assert batches == sorted(batches)
    assert {run.nodes for run in tuned.values()} == set(range(2, 11))
    hyperparameters = tuned[25].spec["hyperparameters"]
    assert (hyperparameters["learning_rate"], hyperparameters["epochs"]) == (3e-5, 3)
    assert hyperparameters["max_length_tokens"] == 768
    assert plan.recipes[tuned[25].mixture].order[-1] == "ko"


@pytest.mark.parametrize("languages, updates", [(1, 786), (25, 6545), (52, 8168)])
def test_the_number_of_updates_is_the_papers_formula(lucky52, tmp_path, languages, updates):
    """U = ceil(N L E / (B W)), section 2.1, with N = 67,017 rows, B = 4 x 4 accumulated and W devices."""
    run = sizes_of(plan_of(tmp_path, lucky52, scale="full"))[languages]
    devices = run.nodes * run.devices_per_node
    assert run.spec["hyperparameters"]["global_batch_rows"] == 4 * 4 * devices
    assert math.ceil(67_017 * languages * 3 / (16 * devices)) == updates


def test_nodes_grow_evenly():
    assert [nodes_for(n, 52, 2, 10) for n in (1, 2, 26, 27, 51, 52)] == [2, 2, 6, 6, 10, 10]
    assert nodes_for(1, 1, 2, 10) == 2


def test_the_world_overlay_changes_what_it_names_and_nothing_else(lucky52, tmp_path):
    plan = plan_of(tmp_path, lucky52)
    assert sorted(sizes_of(plan)) == [1, 2, 4, 8, 12, 16, 20, 25, 26, 32, 39, 45, 52]
    assert set(plan.bases) == {"world-bloom-w1"}
    assert plan.recipes["world-w1-incremental-52-400-rows-replay4000"].replay["rows"] == 4000
    assert next(iter(plan.tuned.values())).spec["hyperparameters"]["template"] == "world"


def test_studies_share_equal_runs_and_refuse_to_mix_different_ones(lucky52, tmp_path):
    (tmp_path / "a.yaml").write_text(lucky52)
    (tmp_path / "b.yaml").write_text(lucky52.replace("study: lucky52", "study: second"))
    both = {"studies": [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]}
    assert len(Plan(load_config(both)).runs) == 14
    (tmp_path / "b.yaml").write_text(
        lucky52.replace("study: lucky52", "study: second").replace("learning_rate: 3e-3", "learning_rate: 1e-3")
    )
    message = r"than in an earlier study \(learning_rate 0.003 instead of 0.001\); give one of the two"
    with pytest.raises(InputError, match=message):
        Plan(load_config(both))


SMALL = """\
study: small
title: A case
sources: {world: {languages: [en, zh, it, tr]}}
mixtures:
  growing: {family: incremental, source: world, order: [en, zh, it], sizes: [1, 3], rows: 40}
  replayed: {family: monolingual, source: world, languages: [en], rows: 40, replay: {source: world-text, rows: 20}}
  chosen: {family: selected, source: world, features: geo, k: 2, selection_seeds: [1, 2], rows: 40}
runs:
  - {bases: [world-bloom], method: full, mixtures: growing, seeds: [1], hyperparameters: &full
      {learning_rate: 1e-3, epochs: 1, global_batch_rows: 8, max_length_tokens: 64, template: world, precision: fp32}}
evaluation: {benchmarks: [xcopa]}
figures:
  by-size: {draw: accuracy_by_languages, benchmarks: [xcopa]}
tables:
  accuracy: {build: accuracy}
world:
  bases: {world-bloom: world-bloom}
"""


FASTER = (
    "{learning_rate: 1e-2, epochs: 1, global_batch_rows: 8, max_length_tokens: 64, template: world, precision: fp32}"
)


def entry(**changes):
    """One more entry of `runs`, as a line of YAML."""
    values = {"bases": "[world-bloom]", "method": "full", "mixtures": "growing", "seeds": "[1]", **changes}
    return "  - {" + ", ".join(f"{key}: {value}" for key, value in values.items()) + ", hyperparameters: *full}\n"


def add_entry(text, **changes):
    return text.replace("evaluation:", entry(**changes) + "evaluation:", 1)


@pytest.mark.parametrize(
    "old, new, message",
    [
        ("draw: accuracy_by_languages", "draw: accuracy_by_langages", "did you mean 'accuracy_by_languages'"),
        (
            "benchmarks: [xcopa]}\ntables",
            "benchmarks: [xcopo]}\ntables",
            r"figures.by-size.benchmarks\[0\]: no evaluation",
        ),
        ("benchmarks: [xcopa]}\ntables", "benchmark: [xcopa]}\ntables", "has no option 'benchmark'; did you mean"),
        ("build: accuracy", "build: acuracy", "tables.accuracy: build is 'acuracy'; did you mean 'accuracy'"),
        ("tables:", "analysis: {outlyer: ko}\ntables:", "analysis: no figure or table of the study has an option"),
        ("tables:", "analysis: {counted_as_untuned: {xnli: [ja]}}\ntables:", "'xnli' is no benchmark of the study"),
        (
            "languages: [en, zh, it, tr]}",
            "languages: [en, zh, it, eq]}",
            "sources.world.languages: 'world' has no 'eq'",
        ),
        ("order: [en, zh, it]", "order: [en, zh, de]", "mixtures.growing: source 'world' has no rows in 'de'"),
        ("mixtures: growing, seeds", "mixtures: growin, seeds", "no family 'growin'; did you mean 'growing'"),
        ("rows: 40}\n  replayed", "rows: 4000}\n  replayed", "4,000 rows are asked for, 'world-w1' has 2,000"),
        ("template: world", "template: worlds", "no template 'worlds' in config/templates.yaml; did you mean 'world'"),
        (
            "bases: {world-bloom: world-bloom}",
            "bases: {world-blom: world-bloom}",
            "world.bases.world-blom: the study has",
        ),
        ("[xcopa]}\nfigures", "{xcopa: {data: direktory}}}\nfigures", "evaluation.benchmarks"),
        (
            "[xcopa]}\nfigures",
            "{xcopa: {data: directory}}}\nfigures",
            "takes its data from a directory, and none is given",
        ),
        ("[xcopa]}\nfigures", "{xcopa: {languages: [et, xy]}}}\nfigures", "evaluation.benchmarks.xcopa.languages"),
        ("  - {bases", "  - {variant: X, bases", r"runs\[0\].variant: 'X' does not fit"),
        ("rows: 20}}", "rows: 20, languages: [it]}}", "replay.languages: source 'world-text' has no rows in 'it'"),
    ],
)
def test_every_word_of_a_study_is_checked_when_planning(tmp_path, old, new, message):
    assert old in SMALL
    with pytest.raises(InputError, match=message) as raised:
        plan_of(tmp_path, SMALL.replace(old, new, 1))
    assert "study.yaml: " in str(raised.value)


def test_two_entries_that_differ_are_refused_or_named_apart(tmp_path):
    """A sweep, replay and a second sample: two things never share a name."""
    other = add_entry(SMALL, seeds="[1, 2]")
    assert len(plan_of(tmp_path, other).tuned) == 4
    sweep = add_entry(SMALL).replace("seeds: [1], hyperparameters: *full", "seeds: [1], hyperparameters: " + FASTER)
    with pytest.raises(InputError, match=r"runs\[1\]: the run .* with learning_rate 0.001 instead of 0.01; give one"):
        plan_of(tmp_path, sweep)
    apart = add_entry(SMALL, variant="fast").replace("hyperparameters: *full", "hyperparameters: " + FASTER)
    assert len(plan_of(tmp_path, apart).tuned) == 4
    replayed = plan_of(tmp_path, add_entry(SMALL, mixtures="replayed"))
    assert len({run.mixture for run in replayed.tuned.values()}) == 3
    same = SMALL.replace("languages: [en], rows: 40, replay", "languages: [en], rows: 40, seed: 1, replay")
    clash = same.replace(
        "  chosen:",
        "  again: {family: monolingual, source: world, languages: [en], rows: 40, replay: "
        "{source: world-text, rows: 20, seed: 5}}\n  chosen:",
    )
    with pytest.raises(
        InputError, match=r"mixtures.again: the mixture 'world-w1-en-40-rows-replay20' is in an earlier"
    ):
        plan_of(tmp_path, clash)


def test_a_chosen_mixture_has_k_languages_from_its_own_candidates(tmp_path):
    plan = plan_of(tmp_path, add_entry(SMALL, mixtures="chosen"))
    chosen = [recipe for recipe in plan.recipes.values() if recipe.family == "selected"]
    assert [recipe.size for recipe in chosen] == [2, 2]
    assert {recipe.languages for recipe in chosen} == {("en", "zh", "it", "tr")}
    spec = plan.specs[f"selections/{chosen[0].selection_name}"]
    assert (spec["candidates"], spec["k"], spec["seed"]) == (["en", "zh", "it", "tr"], 2, 1)


def test_three_worlds_stand_side_by_side(tmp_path):
    plan = plan_of(tmp_path, SMALL + "  worlds: [1, 2, 3]\n")
    assert sorted(plan.worlds) == ["w1", "w2", "w3"]
    assert sorted(plan.bases) == ["world-bloom-w1", "world-bloom-w2", "world-bloom-w3"]
    assert len(plan.tuned) == 6
    for path, run in plan.tuned.items():
        assert run.mixture.startswith(f"world-{run.base.world.name}-")
        assert {one.directory for one in plan.owed[path]} == {f"results/world/{run.base.world.name}/benchmarks"}


def test_a_tiny_world_is_another_world(tmp_path):
    """Its base has seen four languages, and no result of it can be taken for the default world's."""
    default, tiny = plan_of(tmp_path, SMALL), plan_of(tmp_path, SMALL, world={"size": "tiny"})
    assert not default.runs.keys() & tiny.runs.keys()
    assert [
        len(plan.bases[f"world-bloom-{name}"].row.seen_languages) for plan, name in ((default, "w1"), (tiny, "w1-tiny"))
    ] == [21, 4]


def test_a_decoder_and_an_encoder_decoder_have_token_stores_of_their_own(tmp_path):
    text = add_entry(SMALL, bases="[world-t5]").replace(
        "{world-bloom: world-bloom}", "{world-bloom: world-bloom, world-t5: world-t5}"
    )
    plan = plan_of(tmp_path, text)
    shapes = {name: tokens.encoder_decoder for name, tokens in plan.tokenizations.items()}
    assert sorted(shapes.values()) == [False, True]
    assert {run.tokens.name for run in plan.tuned.values()} == set(shapes)


def test_a_study_may_evaluate_on_several_origins(tmp_path):
    (tmp_path / "real").mkdir()
    text = SMALL.replace("benchmarks: [xcopa]}\nfigures", "benchmarks: {xcopa: {data: [world, directory]}}}\nfigures")
    text = text.replace("benchmarks: [xcopa]}\ntables", "benchmarks: [xcopa], origin: directory}\ntables")
    plan = plan_of(tmp_path, text, locations={"benchmarks": str(tmp_path / "real")})
    (owed,) = {tuple((one.origin, one.name) for one in mine) for mine in plan.owed.values()}
    assert owed == (("directory", "xcopa"), ("world", "xcopa"))


def test_a_study_that_extends_another_says_only_what_differs(tmp_path, lucky52):
    (tmp_path / "small.yaml").write_text(SMALL)
    (tmp_path / "more.yaml").write_text("extends: small\nstudy: more\nmixtures: {growing: {sizes: [2]}}\nfigures: {}\n")
    plan = Plan(load_config({"studies": [str(tmp_path / "more.yaml")]}))
    assert [run.mixture for run in plan.tuned.values()] == ["world-w1-growing-2-40-rows"]
    assert (plan.studies["more"].figures, list(plan.studies["more"].tables)) == ({}, ["accuracy"])
    (tmp_path / "small.yaml").write_text("extends: more\nstudy: small\n")
    with pytest.raises(InputError, match=r"extends: '.*' extends this study"):
        Plan(load_config({"studies": [str(tmp_path / "more.yaml")]}))


def test_every_distinct_set_of_owed_evaluations_is_known_once(tmp_path):
    (tmp_path / "a.yaml").write_text(SMALL)
    second = SMALL.replace("study: small", "study: second").replace("sizes: [1, 3]", "sizes: [1]")
    second = second.replace("benchmarks: [xcopa]", "benchmarks: [xnli]")
    (tmp_path / "b.yaml").write_text(second)
    plan = Plan(load_config({"studies": [str(tmp_path / "a.yaml"), str(tmp_path / "b.yaml")]}))
    sets = {tuple(one.name for one in owed): len(runs) for owed, runs in plan.owed_sets}
    assert sets == {("xcopa", "xnli"): 2, ("xcopa",): 1}


@pytest.mark.parametrize(
    "options, name, languages, items",
    [
        ("{languages: [et, it], items: 100}", "xcopa-et-it-100-items", ("et", "it"), 100),
        ("{languages: [est, ita_Latn]}", "xcopa-et-it", ("et", "it"), None),
        ("{items: 5}", "xcopa-5-items", None, 5),
    ],
)
def test_a_study_says_languages_and_items_of_a_benchmark(tmp_path, options, name, languages, items):
    text = SMALL.replace("evaluation: {benchmarks: [xcopa]}", f"evaluation: {{benchmarks: {{xcopa: {options}}}}}")
    plan = plan_of(tmp_path, text.replace("benchmarks: [xcopa]}\ntables", f"benchmarks: [{name}]}}\ntables"))
    [owed] = next(iter(plan.owed.values()))
    assert (owed.name, owed.languages, owed.items) == (name, languages, items)
    assert owed.to_json().get("items") == items
    assert plan.evaluation_files("small")[0].endswith(f"/evaluations/world/{name}.json")
    assert Context.of(plan.specs["tables/small/world/accuracy"]).title(name) == f"XCOPA ({name.partition('-')[2]})"


@pytest.mark.parametrize(
    "options, message",
    [
        ("{xcopa: {languages: [et, xx]}}", "xcopa.languages: xcopa has no language 'xx'"),
        ("{xcopa: {languages: [et, est]}}", "xcopa.languages: language 'et' is listed twice"),
        ("{xcopa: {items: 0}}", "items"),
        ("{xcopa: {items: 9}, again: {benchmark: xcopa, items: 9}}", "xcopa-9-items on data 'world' is listed twice"),
    ],
)
def test_a_wrong_part_of_a_benchmark_is_refused_when_planning(tmp_path, options, message):
    with pytest.raises(InputError, match=message):
        plan_of(tmp_path, SMALL.replace("evaluation: {benchmarks: [xcopa]}", f"evaluation: {{benchmarks: {options}}}"))


def test_languages_that_a_directory_lacks_are_refused_when_planning(tmp_path, shared_data):
    strange = "evaluation: {benchmarks: {xnli: {data: directory, languages: [en, fra], items: 9}}}\nfigures: {}\n"
    text = SMALL.replace("evaluation: {benchmarks: [xcopa]}\nfigures:", strange + "tables: {}\nignored:")
    plan = plan_of(tmp_path, text.partition("ignored:")[0] + "world:\n" + text.partition("world:\n")[2],
                   locations={"benchmarks": str(shared_data)})  # fmt: skip
    assert [one.name for one in plan.owed["world-bloom-w1/base/none/seed0"]] == ["xnli-en-fr-9-items"]
    changed = "evaluation: {benchmarks: {xcopa: {data: directory, languages: [jp]}}}"
    with pytest.raises(InputError, match=r"xcopa has no language 'jp' \(Japanese\); it has: et ht"):
        plan_of(
            tmp_path,
            SMALL.replace("evaluation: {benchmarks: [xcopa]}", changed),
            locations={"benchmarks": str(shared_data)},
        )


def test_complete_rows_are_complete_for_every_run_of_the_study(tmp_path):
    """Two bases and two lengths read one mixture: their stores and lengths are part of what it is."""
    text = SMALL.replace("sizes: [1, 3], rows: 40}", "sizes: [1, 3], rows: 40, complete_rows: true}")
    text = text.replace("world-bloom: world-bloom}", "world-bloom: world-bloom, world-t5: world-t5}")
    text = add_entry(text, bases="[world-t5]").replace(
        "evaluation:", entry(variant="short").replace("*full", FASTER.replace("64", "32")) + "evaluation:", 1
    )
    plan = plan_of(tmp_path, text)
    recipe = plan.recipes["world-w1-growing-3-40-rows-complete"]
    told = {(one["tokens"].rsplit("-", 1)[0], one["max_length_tokens"]) for one in recipe.complete_for}
    assert told == {
        ("world-w1-world-decoder", 64),
        ("world-w1-world-decoder", 32),
        ("world-w1-world-encoder-decoder", 64),
    }
    assert len(recipe.needed_stores) == 2 * 3
    assert "complete_for" in plan.specs[f"mixtures/{recipe.name}"]["recipe"]
    plain = plan_of(tmp_path, SMALL)
    assert "complete_for" not in plain.specs["mixtures/world-w1-growing-3-40-rows"]["recipe"]
    assert plain.recipes["world-w1-growing-3-40-rows"].needed_stores == []


def test_a_base_of_a_chat_template_is_tuned_and_prompted_with_it_whatever_a_study_names(tmp_path):
    row = {"architecture": "decoder", "location": "org/chatty", "tokenizer": "chatty", "licence": "mit"}
    text = SMALL.replace("sources: {world:", "sources: {bactrian-x:").replace("source: world,", "source: bactrian-x,")
    text = text.replace("  replayed:", "  # replayed:").replace("bases: [world-bloom]", "bases: [chatty, bloom-560m]")
    plans = [
        plan_of(tmp_path, text, scale="full", own={"bases": {"chatty": {**row, **more}}})
        for more in ({"template": "chat"}, {})
    ]
    templates = [
        {run.base.name: (run.spec["hyperparameters"]["template"], run.tokens.template) for run in plan.tuned.values()}
        for plan in plans
    ]
    assert templates[0] == {"chatty": ("chat", "chat"), "bloom-560m": ("world", "world")}
    assert templates[1] == {"chatty": ("world", "world"), "bloom-560m": ("world", "world")}
    assert plans[0].runs["chatty/base/none/seed0"].template == "chat"
    load_config({})  # the next test has no base of its own
    wrong = text.replace("[chatty, bloom-560m]", "[mt5-xl]").replace("template: world", "template: chat")
    with pytest.raises(InputError, match=r"'chat' is for decoders; 'mt5-xl' is an encoder-decoder"):
        plan_of(tmp_path, wrong, scale="full")


def test_coordinates_of_ones_own_stand_beside_the_runs(lucky52, tmp_path):
    """Two data sizes are two entries of mixtures; a word of one's own says what they have in common."""
    assert lucky52.count("rows: 400\n") == 1
    given = lucky52.replace("rows: 400\n", "rows: 400\n      coordinates: {data: small, share_of_all: 0.2}\n")
    runs = plan_of(tmp_path, given).specs["scores/lucky52/world"]["runs"]
    tuned = [run["coordinates"] for run in runs if run.get("coordinates")]
    assert tuned and all(one["data"] == "small" and one["share_of_all"] == 0.2 and "size" in one for one in tuned)
    with pytest.raises(InputError, match=r"mixtures\.incremental\.coordinates: 'tokens' is a column of every study's"):
        plan_of(tmp_path, given.replace("data: small", "tokens: 3"))
    with pytest.raises(InputError, match="coordinates"):
        plan_of(tmp_path, given.replace("data: small", "data: [small]"))
