"""Only what depends on an edit runs again: each case edits a finished checkout and asks for a plan."""

from __future__ import annotations

import json
import os
import re
import shutil

import pytest

CONFIG, STUDY = "config/config.yaml", "config/studies/toy.yaml"
RUN = "world-bloom-w1-tiny/full/world-w1-tiny-en-100-rows-replay60/seed1"
DRAWN = {"write_spec": 2, "draw_figure": 1, "build_table": 1}
COLLECTED = {"write_spec_of_scores": 1, "collect_scores": 1, **DRAWN}
EVALUATED_AGAIN = {"collect_scores": 1, "draw_figure": 1, "build_table": 1}


def test_a_finished_study_plans_nothing(finished):
    assert finished.plan() == {}


# --- the study and the configuration ---


def test_a_comment_plans_nothing(finished):
    finished.edit(CONFIG, "# the tiny world is made in a second", "# small is beautiful")
    finished.edit(STUDY, "# A study of two mixtures", "# Quite another comment on two mixtures")
    assert finished.plan() == {}


def test_a_title_plans_nothing(finished):
    finished.edit(STUDY, "title: A study for tests", "title: Another title")
    assert finished.plan() == {}


def test_permuted_languages_plan_nothing(finished):
    finished.edit(STUDY, "languages: [en, zh]}}", "languages: [zh, en]}}")
    finished.edit(STUDY, "{languages: [en, zh, it, tr, af]}", "{languages: [af, tr, it, zh, en]}")
    assert finished.plan() == {}


def test_how_the_hardware_is_used_plans_nothing(finished):
    finished.edit(
        CONFIG,
        "world: {size: tiny}",
        "world: {size: tiny}\ntraining: {micro_batch_tokens: 2048}\nevaluation: {batch_tokens: 999}\n"
        "data: {largest_dropped_share: 0.5}",
    )
    assert finished.plan() == {}


def test_one_more_mixture_trains_one_model_and_evaluates_it(finished):
    finished.edit(STUDY, "sizes: [1, 3]", "sizes: [1, 2, 3]")
    assert finished.plan() == {
        "write_spec": 3,  # mixture, run, evaluations
        "build_mixture": 1,
        "train_full": 1,
        "evaluate_run": 1,
        "write_spec_of_scores": 1,
        "collect_scores": 1,
        "draw_figure": 1,
        "build_table": 1,
    }


def test_one_more_language_reads_and_tokenises_only_itself(finished):
    finished.edit(STUDY, "order: [en, zh, it]", "order: [en, zh, it, tr]")
    finished.edit(STUDY, "sizes: [1, 3]", "sizes: [1, 3, 4]")
    planned = finished.plan()
    assert (planned["read_source"], planned["tokenize_source"], planned["train_full"]) == (1, 1, 1)


def test_one_more_benchmark_trains_nothing_and_computes_only_itself(finished):
    finished.edit(STUDY, "benchmarks: [xcopa, xwinograd]\nfigures", "benchmarks: [xcopa, xwinograd, xnli]\nfigures")
    planned = finished.plan()
    assert planned["evaluate_run"] == 3
    assert not planned.keys() & {"train_full", "pretrain_base", "build_mixture"}
    folder = finished.folder / f"results/runs/{RUN}/evaluations/world"
    before = (folder / "xcopa.json").read_bytes()  # with the seconds that its computation took
    finished.run("--profile", "profiles/local", "--cores", "2", f"results/runs/{RUN}/evaluations/world/xnli.json")
    assert (folder / "xcopa.json").read_bytes() == before
    assert (folder / "xnli.json").exists()


def test_a_deleted_evaluation_is_done_again_with_what_follows(finished):
    (finished.folder / f"results/runs/{RUN}/evaluations/world/xcopa.json").unlink()
    assert finished.plan() == {"evaluate_run": 1, **EVALUATED_AGAIN}


def test_another_look_of_a_figure_only_draws(finished):
    finished.edit(STUDY, "benchmarks: [xcopa, xwinograd]}", "benchmarks: [xcopa]}")
    assert finished.plan() == {"write_spec": 1, "draw_figure": 1}


def test_a_hyperparameter_trains_what_it_changes(finished):
    finished.edit(STUDY, "learning_rate: 3e-3", "learning_rate: 4e-3")
    planned = finished.plan()
    assert (planned["write_spec"], planned["train_full"]) == (2, 2)
    assert "pretrain_base" not in planned
    # the untuned base keeps its evaluations
    assert planned["evaluate_run"] == 2


def test_another_maximum_length_builds_no_mixture(finished):
    """Who will read a mixture, and what they cut, is told to whoever builds it, and is no reason to build it again."""
    text = (finished.folder / STUDY).read_text()
    hyperparameters = text[text.rindex("  hyperparameters:") :]
    finished.edit(STUDY, hyperparameters, hyperparameters.replace("max_length_tokens: 128", "max_length_tokens: 96"))
    planned = finished.plan()
    assert planned["train_full"] == 2
    assert not planned.keys() & {"build_mixture", "tokenize_source", "pretrain_base"}


def test_touched_files_of_the_project_plan_nothing(finished):
    for file in ("config/languages.tsv", "config/world.yaml", "config/languages/basic-words.tsv", "Snakefile"):
        (finished.folder / file).touch()
    (finished.folder / "src/polytune/training/train.py").touch()
    assert finished.plan() == {}


def test_a_comment_in_the_code_of_evaluation_evaluates_nothing(finished):
    path = finished.folder / "src/polytune/evaluation/evaluate.py"
    path.write_text(path.read_text() + "\n# a remark\n")
    (finished.folder / f"results/runs/{RUN}/evaluations/world/xcopa.json").unlink()
    finished.run("--profile", "profiles/local", "--cores", "2")
    log = (finished.folder / f"logs/evaluate_run/{RUN}.log").read_text()
    assert "Scoring" not in log, "something was computed again"


# --- studies that share runs ---


def test_a_study_less_plans_nothing_and_neither_does_one_more_that_is_finished(finished):
    """Two studies share the base and both models, one on xwinograd, one on xnli: either alone needs nothing."""
    toy = (finished.folder / STUDY).read_text()
    head = toy.partition("figures:")[0] + toy[toy.index("world:") :]
    other = head.replace("study: toy", "study: other").replace("[xcopa, xwinograd]", "[xcopa, xnli]")
    (finished.folder / "config/studies/other.yaml").write_text(other)
    alone = ["--config", "studies=[config/studies/other.yaml]"]
    both = ["--config", f"studies=[{STUDY}, config/studies/other.yaml]"]
    finished.run("--profile", "profiles/local", "--cores", "2", *both)
    assert [finished.plan(), finished.plan(*alone), finished.plan(*both)] == [{}, {}, {}]
    xnli = finished.folder / f"results/runs/{RUN}/evaluations/world/xnli.json"
    xnli.unlink()
    assert finished.plan() == {}  # nobody asks for it
    assert finished.plan(*alone) == {"evaluate_run": 1, "collect_scores": 1}
    assert finished.plan(*both)["evaluate_run"] == 1
    finished.run("--profile", "profiles/local", "--cores", "2", *alone)
    log = (finished.folder / f"logs/evaluate_run/{RUN}.log").read_text()
    assert "Scoring" not in log, "something was computed again"
    assert xnli.exists()
    assert [finished.plan(), finished.plan(*alone), finished.plan(*both)] == [{}, {}, {}]
    finished.edit(STUDY, "learning_rate: 3e-3", "learning_rate: 4e-3")
    finished.run("--profile", "profiles/local", "--cores", "2", f"results/runs/{RUN}/evaluations/world/xcopa.json")
    log = (finished.folder / f"logs/evaluate_run/{RUN}.log").read_text()
    assert "xcopa" in log and "xnli" not in log, "another model is evaluated on what is asked for"


# --- the tables of the project: an edit makes stale exactly what it decides, a comment nothing ---

TABLES = {
    "comments": (
        {
            "config/languages.tsv": None,
            "config/sources.tsv": None,
            "config/benchmarks.tsv": None,
            "config/bases.tsv": None,
            "config/world.yaml": None,
            "config/templates.yaml": None,
            "config/costs.yaml": None,
            "config/languages/basic-words.tsv": None,
        },
        {},
    ),
    "a changed chance redraws": ({"config/benchmarks.tsv": ("test\t0.5\tyes\tet ht", "test\t0.51\tyes\tet ht")}, DRAWN),
    "another name of a benchmark redraws": ({"config/benchmarks.tsv": ("xcopa\tXCOPA\t", "xcopa\tX-COPA\t")}, DRAWN),
    "another name of a language redraws": ({"config/languages.tsv": ("zh\tChinese\t", "zh\tMandarin\t")}, DRAWN),
    "another language of a benchmark evaluates": (
        {"config/benchmarks.tsv": ("et ht id it", "et ht it")},
        {"write_spec": 3, "evaluate_run": 3, **EVALUATED_AGAIN},
    ),
    "another code of URIEL compares languages anew": (
        {"config/languages.tsv": ("et\tEstonian\test\t", "et\tEstonian\tekk\t")},
        {"write_spec": 1, "build_similarity": 1, "build_table": 1},
    ),
    "another word compares sounds anew": (
        {"config/languages/basic-words.tsv": ("\nen\tai\tir\t", "\nen\tai\ter\t")},
        {"write_spec": 1, "build_similarity": 1, "build_table": 1},
    ),
    "another layout of a source reads it anew": (
        {"config/sources.tsv": ("world\tbactrian-x\tworld:instructions", "world\talpaca\tworld:instructions")},
        {
            "read_source": 3,
            "tokenize_source": 3,
            "build_mixture": 2,
            "train_full": 2,
            "evaluate_run": 2,
            **EVALUATED_AGAIN,
        },
    ),
    "another revision of a source that is not used plans nothing": (
        {"config/sources.tsv": ("data/{language}.json.gz\t-\taf ar", "data/{language}.json.gz\tabc\taf ar")},
        {},
    ),
    "a base that is not used plans nothing": ({"config/bases.tsv": ("mgpt\t1417596928", "mgpt\t1417596929")}, {}),
    "another cost plans nothing": ({"config/costs.yaml": ("memory_gb: 64", "memory_gb: 65")}, {}),
    "another base of a world trains nothing that is used": (
        {"config/world.yaml": ("feed_forward_proj: gated-gelu", "feed_forward_proj: relu")},
        {},
    ),
}


@pytest.mark.parametrize("case", TABLES)
def test_an_edit_of_a_table_makes_stale_what_it_decides(finished, case):
    edits, expected = TABLES[case]
    for file, edit in edits.items():
        if edit is None:
            path = finished.folder / file
            path.write_text("# a comment that says nothing\n" + path.read_text())
        else:
            finished.edit(file, *edit)
    assert finished.plan() == expected


def test_another_count_of_parameters_is_another_column_of_the_runs_and_trains_nothing(finished):
    path = finished.folder / "config/world.yaml"
    text, count = re.subn(r"(?m)^    parameters: \d+", "    parameters: 123456", path.read_text())
    assert count > 3
    path.write_text(text)
    assert finished.plan() == {"write_spec_of_scores": 1, "collect_scores": 1, "draw_figure": 1, "build_table": 1}


def test_another_pretraining_makes_everything_anew_but_the_world_and_its_data(finished):
    finished.edit("config/world.yaml", "      learning_rate: 8e-3", "      learning_rate: 7e-3")
    planned = finished.plan()
    assert (planned["pretrain_base"], planned["train_full"], planned["evaluate_run"]) == (1, 2, 3)
    assert not planned.keys() & {"build_world", "read_source", "tokenize_source", "build_mixture"}


def test_another_template_tokenises_and_trains_anew(finished):
    finished.edit("config/templates.yaml", '  response: " {output}"', '  response: "  {output}"')
    planned = finished.plan()
    assert planned["train_full"] == 2
    assert planned["tokenize_source"] == 3 + 4  # three languages of instructions, texts in the tiny world's four
    assert "read_source" not in planned


# --- without Snakemake's records ---


def forget(checkout):
    shutil.rmtree(checkout.folder / ".snakemake")


def test_without_records_a_finished_study_plans_nothing(finished):
    forget(finished)
    assert finished.plan() == {}


def test_without_records_a_changed_hyperparameter_is_still_seen(finished):
    forget(finished)
    finished.edit(STUDY, "learning_rate: 3e-3", "learning_rate: 4e-3")
    assert finished.plan()["train_full"] == 2


def test_without_records_every_changed_setting_is_still_seen(finished):
    forget(finished)
    finished.edit(STUDY, "rows: 60, languages", "rows: 61, languages")
    finished.edit(STUDY, "benchmarks: [xcopa, xwinograd]}", "benchmarks: [xcopa]}")
    planned = finished.plan()
    assert (planned["build_mixture"], planned["train_full"], planned["draw_figure"]) == (2, 2, 1)


def test_results_that_were_moved_are_compared_with_the_plan(finished):
    finished.folder.joinpath("results").rename(finished.folder / "elsewhere")
    moved = ("--config", "storage={results: elsewhere}")
    assert finished.plan(*moved) == {}
    finished.edit(STUDY, "learning_rate: 3e-3", "learning_rate: 4e-3")
    assert finished.plan(*moved)["train_full"] == 2


def test_results_used_from_a_second_clone_are_compared_with_the_plan(finished, clean_checkout, tmp_path):
    second = clean_checkout.copy(tmp_path / "second")
    shutil.copy(finished.folder / STUDY, second.folder / STUDY)
    shutil.copy(finished.folder / CONFIG, second.folder / CONFIG)
    there = ("--config", f"storage={{results: {finished.folder}/results}}")
    assert second.plan(*there) == {}
    second.edit(STUDY, "epochs: 1", "epochs: 2")
    assert second.plan(*there)["train_full"] == 2


@pytest.mark.parametrize("name", ["./results", "results/", "./results/../results"])
def test_one_folder_has_one_name(finished, name):
    assert finished.plan("--config", f"storage={{results: {name}}}") == {}


def test_a_setting_that_is_changed_back_after_a_run_makes_its_result_again(finished):
    finished.edit(STUDY, "benchmarks: [xcopa, xwinograd]}", "benchmarks: [xcopa]}")
    finished.run("--profile", "profiles/local", "--cores", "2")
    forget(finished)
    assert finished.plan() == {}
    finished.edit(STUDY, "benchmarks: [xcopa]}", "benchmarks: [xcopa, xwinograd]}")
    assert finished.plan() == {"write_spec": 1, "draw_figure": 1}


# --- things of the user's, replaced in place ---


def test_a_base_that_is_replaced_in_place_is_another_base(finished):
    """Its time alone changes nothing; other weights under the same names train anew, whatever Snakemake remembers."""
    given = finished.folder / "my-base"
    shutil.copytree(finished.folder / "results/bases/world-bloom-w1-tiny", given)
    finished.edit(CONFIG, "world: {size: tiny}", "world: {size: tiny}\nlocations: {bases: {world-bloom: my-base}}")
    finished.run("--profile", "profiles/local", "--cores", "2")
    assert finished.plan() == {}
    weights = given / "model.safetensors"
    os.utime(weights, (1, 1))
    assert finished.plan() == {}
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    os.utime(weights, (1, 1))
    planned = finished.plan()
    assert (planned["digest_given"], planned["train_full"], planned["evaluate_run"]) == (1, 2, 3)
    forget(finished)
    assert finished.plan()["train_full"] == 2


def test_rows_that_are_replaced_in_place_are_read_again(finished):
    folder = finished.folder / "my-rows"
    folder.mkdir()
    for code in ("en", "zh", "it", "tr", "af"):
        rows = [{"id": str(i), "instruction": "i", "input": "", "output": f"o {i}"} for i in range(400)]
        (folder / f"{code}.json").write_text(json.dumps(rows))
    finished.edit(
        CONFIG,
        "world: {size: tiny}",
        "world: {size: tiny}\nlocations: {sources: {world: 'my-rows/{language}.json'}}",
    )
    target = "results/data/world-w1-tiny/en.parquet"
    finished.run("--profile", "profiles/local", "--cores", "2", target)
    assert finished.plan(target) == {}
    path = folder / "en.json"
    looks = path.stat()
    path.write_text(path.read_text().replace("o 7", "o 8"))
    os.utime(path, (looks.st_atime, looks.st_mtime - 100))
    assert finished.plan(target) == {"write_spec": 1, "read_source": 1}


def test_benchmark_data_that_is_replaced_in_place_is_evaluated_again(finished):
    data = finished.folder / "my-benchmarks"
    shutil.copytree(finished.folder / "results/world/w1-tiny/benchmarks", data)
    finished.edit(CONFIG, "world: {size: tiny}", "world: {size: tiny}\nlocations: {benchmarks: my-benchmarks}")
    finished.edit(
        STUDY,
        "benchmarks: [xcopa, xwinograd]\nfigures",
        "benchmarks: {xcopa: {data: directory}, xwinograd: {}}\nfigures",
    )
    target = f"results/runs/{RUN}/evaluations/directory/xcopa.json"
    finished.run("--profile", "profiles/local", "--cores", "2", target)
    before = json.loads((finished.folder / target).read_text())["results"]["xcopa_et"]
    assert finished.plan(target) == {}
    file = data / "cambridgeltl/xcopa/data/test.et.jsonl"
    lines = file.read_text().splitlines()
    file.write_text("\n".join(lines[:12]) + "\n")
    os.utime(file, (1, 1))
    forget(finished)
    assert finished.plan(target)["evaluate_run"] == 1
    finished.run("--profile", "profiles/local", "--cores", "2", target)
    after = json.loads((finished.folder / target).read_text())
    assert after["n-samples"]["xcopa_et"]["effective"] == 12
    assert before != after["results"]["xcopa_et"]
