"""Only what depends on an edit runs again: each case edits a finished checkout and asks for a plan."""

from __future__ import annotations

CONFIG, STUDY = "config/config.yaml", "config/studies/toy.yaml"


def test_a_finished_study_plans_nothing(finished):
    assert finished.plan() == {}


def test_a_comment_plans_nothing(finished):
    finished.edit(CONFIG, "# the tiny world is made in a second", "# small is beautiful")
    finished.edit(STUDY, "# A study of two mixtures", "# Quite another comment on two mixtures")
    assert finished.plan() == {}


def test_a_title_plans_nothing(finished):
    finished.edit(STUDY, "title: A study for tests", "title: Another title")
    assert finished.plan() == {}


def test_how_the_hardware_is_used_plans_nothing(finished):
    finished.edit(
        CONFIG,
        "world: {size: tiny}",
        "world: {size: tiny}\ntraining: {micro_batch_tokens: 2048}\nevaluation: {batch_tokens: 999}",
    )
    assert finished.plan() == {}


def test_one_more_mixture_trains_one_model_and_evaluates_it(finished):
    finished.edit(STUDY, "sizes: [1, 3]", "sizes: [1, 2, 3]")
    assert finished.plan() == {
        "build_mixture": 1,
        "write_spec": 1,
        "train_full": 1,
        "evaluate": 2,
        "list_runs": 1,
        "collect_scores": 1,
        "draw_figure": 1,
    }


def test_one_more_language_reads_and_tokenises_only_itself(finished):
    finished.edit(STUDY, "order: [en, zh, it]", "order: [en, zh, it, tr]")
    finished.edit(STUDY, "sizes: [1, 3]", "sizes: [1, 3, 4]")
    planned = finished.plan()
    assert (planned["read_source"], planned["tokenize_source"], planned["train_full"]) == (1, 1, 1)


def test_one_more_benchmark_trains_nothing(finished):
    finished.edit(STUDY, "benchmarks: [xcopa, xwinograd]\nfigures", "benchmarks: [xcopa, xwinograd, xnli]\nfigures")
    assert finished.plan() == {"evaluate": 3, "list_runs": 1, "collect_scores": 1, "draw_figure": 1}


def test_a_deleted_evaluation_is_done_again_with_what_follows(finished):
    (finished.folder / "results/runs/world-bloom/full/world-en-100-rows/seed1/evaluations/xcopa.json").unlink()
    assert finished.plan() == {"evaluate": 1, "collect_scores": 1, "draw_figure": 1}


def test_another_look_of_a_figure_only_draws(finished):
    finished.edit(STUDY, "benchmarks: [xcopa, xwinograd]}", "benchmarks: [xcopa]}")
    assert finished.plan() == {"draw_figure": 1}


def test_a_hyperparameter_trains_what_it_changes(finished):
    finished.edit(STUDY, "learning_rate: 3e-3", "learning_rate: 4e-3")
    planned = finished.plan()
    assert (planned["write_spec"], planned["train_full"]) == (2, 2)
    assert "pretrain_base" not in planned
    # the untuned base keeps its two evaluations
    assert planned["evaluate"] == 4


def test_a_touched_table_of_the_project_plans_nothing(finished):
    (finished.folder / "config/languages.tsv").touch()
    (finished.folder / "Snakefile").touch()
    (finished.folder / "src/polytune/training/train.py").touch()
    assert finished.plan() == {}
