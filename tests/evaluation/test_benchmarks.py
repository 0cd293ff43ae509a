"""The table of benchmarks says what the installed harness's task files say, and tasks are chosen by our codes."""

import json

import pytest
import yaml

from polytune.config.benchmarks import benchmarks, find_benchmark, select_tasks
from polytune.errors import InputError
from polytune.evaluation.tasks import evaluated_split, harness_tasks_folder, list_tasks, task_files
from tests.cases.evaluation_cases import write_xcopa

NAMES = ["xcopa", "xstorycloze", "xwinograd", "xnli", "pawsx"]
GROUPS = {"paws-x": "_pawsx"}


@pytest.mark.parametrize("name", NAMES)
def test_table_agrees_with_the_harness(name, tmp_path):
    row = find_benchmark(name)
    configurations = list_tasks(row, tmp_path, None)
    group = (
        harness_tasks_folder() / row.harness_folder / f"{GROUPS.get(row.harness_folder, f'_{row.harness_folder}')}.yaml"
    )
    assert {c["task"] for c in configurations.values()} == set(yaml.safe_load(group.read_text())["task"])
    for language, configuration in configurations.items():
        assert configuration["dataset_path"] == row.hub_id
        assert configuration["task"] == row.task_prefix + configuration["dataset_name"]
        assert evaluated_split(configuration) == row.split
        assert row.language(configuration["task"]) == language
    choices = {"xnli": 3}.get(name, 2)
    assert row.chance == pytest.approx(1 / choices, abs=1e-3)


def test_japanese_has_its_own_code_in_xwinograd_only(tmp_path):
    assert list_tasks(find_benchmark("xwinograd"), tmp_path, ["ja"])["ja"]["task"] == "xwinograd_jp"
    assert list_tasks(find_benchmark("pawsx"), tmp_path, ["ja"])["ja"]["task"] == "paws_ja"


def test_unknown_names_get_the_nearest():
    with pytest.raises(
        InputError, match=r"--benchmark: no benchmark 'xcoppa'; did you mean 'xcopa'\?; there are: xcopa"
    ):
        find_benchmark("xcoppa")
    available = ["xcopa_et", "xcopa_tr"]
    row = find_benchmark("xcopa")
    with pytest.raises(InputError, match=r"here: no task file for 'xcopa_ht'"):
        select_tasks(row, available, None, "here")
    available = [row.task_prefix + code for code in row.languages]
    with pytest.raises(InputError, match=r"--languages: xcopa has no language 'de'.*it has: et ht"):
        select_tasks(row, available, ["de"], "here")
    assert select_tasks(row, available, ["tr", "et"], "here") == {"et": "xcopa_et", "tr": "xcopa_tr"}


def test_own_task_files_join_the_harness_ones(tmp_path):
    """`xcopa-all` takes every task with the prefix: the harness's and those of the data root."""
    (tmp_path / "tasks").mkdir()
    row = find_benchmark("xcopa-all")
    before = len(task_files(row, tmp_path))
    et = list_tasks(find_benchmark("xcopa"), tmp_path, ["et"])["et"]
    content = {
        **et,
        "task": "xcopa_de",
        "dataset_name": "de",
        "doc_to_text": "{{premise}}",
        "doc_to_choice": "{{[choice1]}}",
    }
    (tmp_path / "tasks" / "xcopa_de.yaml").write_text(json.dumps(content))
    configurations = list_tasks(row, tmp_path, None)
    assert set(configurations) == {"de", *(row.language(f"xcopa_{c}") for c in find_benchmark("xcopa").languages)}
    assert configurations["de"]["dataset_name"] == "de"
    assert len(task_files(row, tmp_path)) == before + 1
    (tmp_path / "tasks" / "xcopa_de.yaml").write_text("- a list")
    with pytest.raises(InputError, match=r"xcopa_de\.yaml: not a task file"):
        list_tasks(row, tmp_path, None)
    (tmp_path / "tasks" / "xcopa_de.yaml").write_text("task: [")
    with pytest.raises(InputError, match=r"xcopa_de\.yaml: not valid YAML"):
        list_tasks(row, tmp_path, None)


def test_processed_documents_are_computed_once_and_equal_the_harness(tmp_path):
    """PAWS-X's `process_docs` drops and rewrites rows; the harness would run it again at every access."""
    from polytune.evaluation.harness import _process_documents_once
    from polytune.evaluation.tasks import load_tasks

    folder = tmp_path / "google-research-datasets" / "paws-x" / "en"
    folder.mkdir(parents=True)
    rows = [
        {"sentence1": "It did n't rain .", "sentence2": "Rain fell .", "label": 0},
        {"sentence1": "", "sentence2": "Empty .", "label": 1},
        {"sentence1": "He ( she ) ran .", "sentence2": "She ran .", "label": 1},
    ]
    (folder / "test.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    row = find_benchmark("pawsx")
    configurations = list_tasks(row, tmp_path, ["en"])
    task = load_tasks(row, tmp_path, configurations)["tasks"]["paws_en"]
    expected = list(task.eval_docs)
    assert [document["sentence1"] for document in expected] == ["It didn't rain", "He (she) ran"]
    _process_documents_once(task, "test")
    assert list(task.eval_docs) == expected
    assert task.eval_docs is task.eval_docs  # no longer computed


def test_answers_that_are_no_choice_are_refused(tmp_path):
    """The harness counts an unlabelled item (-1) as wrong without a word."""
    from polytune.evaluation.harness import _find_targets
    from polytune.evaluation.tasks import load_tasks

    root = write_xcopa(tmp_path)
    row = find_benchmark("xcopa")
    file = root / "cambridgeltl" / "xcopa" / "test.tr.jsonl"
    assert _find_targets(load_tasks(row, root, list_tasks(row, root, ["tr"]))["tasks"]["xcopa_tr"], root) == [0, 1] * 3
    file.write_text(file.read_text().replace('"label": 1', '"label": -1'))
    with pytest.raises(InputError, match=r"tr, item 1: the answer is -1; it must name one of 2 choices"):
        _find_targets(load_tasks(row, root, list_tasks(row, root, ["tr"]))["tasks"]["xcopa_tr"], root)


def test_every_row_of_the_table_is_complete():
    table = benchmarks()
    assert list(table) == [*NAMES, "xcopa-all"]
    for row in table.values():
        assert row.revision not in ("", "main")
        assert len(row.columns) >= 3
        assert (harness_tasks_folder() / row.harness_folder).is_dir()
