"""The table of benchmarks says what the installed harness's task files say, and tasks are chosen by any known code."""

import json
from dataclasses import asdict, replace

import pytest
import yaml

from polytune.config.benchmarks import Benchmark, Evaluation, benchmarks, find_benchmark
from polytune.errors import InputError
from polytune.evaluation.tasks import (
    evaluated_split,
    harness_tasks_folder,
    list_tasks,
    load_tasks,
    read_rows,
    select_tasks,
    task_digest,
)
from polytune.languages.codes import from_task_code
from tests.cases.evaluation_cases import write_xcopa

NAMES = ["xcopa", "xstorycloze", "xwinograd", "xnli", "pawsx"]
GROUPS = {"paws-x": "_pawsx"}


def language_of(row, task):
    return from_task_code(task.removeprefix(row.task_prefix), row.code_scheme)


def write_rows(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


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
        assert language_of(row, configuration["task"]) == language
    choices = {"xnli": 3}.get(name, 2)
    assert row.chance == pytest.approx(1 / choices, abs=1e-3)


@pytest.mark.parametrize("code", ["ja", "jp", "jpn"])
def test_languages_are_named_by_our_codes_the_harness_s_and_iso_639_3(code, tmp_path):
    tasks = list_tasks(find_benchmark("xwinograd"), tmp_path, [code])
    assert {language: task["task"] for language, task in tasks.items()} == {"ja": "xwinograd_jp"}
    assert list(list_tasks(find_benchmark("pawsx"), tmp_path, [code, "ja"])) == ["ja"]
    with pytest.raises(InputError, match=rf"xcopa has no language '{code}' \(Japanese\); it has: et ht"):
        list_tasks(find_benchmark("xcopa"), tmp_path, [code])


def test_iso_639_3_names_macrolanguages_and_their_members(tmp_path):
    assert list(list_tasks(find_benchmark("xcopa"), tmp_path, ["swa", "est"])) == ["et", "sw"]
    assert list(list_tasks(find_benchmark("xcopa"), tmp_path, ["swh"])) == ["sw"]


def test_a_second_row_with_the_codes_of_xwinograd_works(tmp_path):
    """The codes are translated by the row's `code_scheme`, not by the benchmark's name."""
    row = replace(find_benchmark("xwinograd"), benchmark="xwinograd-some", languages=("jp", "fr"))
    assert list(list_tasks(row, tmp_path, None)) == ["ja", "fr"]
    assert list(list_tasks(row, tmp_path, ["jp"])) == ["ja"]


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
    with pytest.raises(InputError, match=r"languages: xcopa has no language 'de'.*it has: et ht"):
        select_tasks(row, available, ["de"], "here")
    assert select_tasks(row, available, ["tr", "et"], "here") == {"et": "xcopa_et", "tr": "xcopa_tr"}


def write_german(root):
    """Write XCOPA's task file for German, which the harness lacks, into the data root; return the file."""
    et = list_tasks(find_benchmark("xcopa"), root, ["et"])["et"]
    texts = {"doc_to_text": "{{premise}}", "doc_to_choice": "{{[choice1, choice2]}}"}
    file = root / "tasks" / "xcopa_de.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(json.dumps({**et, "task": "xcopa_de", "dataset_name": "de", **texts}))
    return file


def test_own_task_files_join_the_harness_ones(tmp_path):
    """`all` takes every task with the prefix: the harness's and those of the data root."""
    row = find_benchmark("xcopa")
    usual = list_tasks(row, tmp_path, None)
    before = task_digest(row, tmp_path, usual)
    file = write_german(tmp_path)
    configurations = list_tasks(row, tmp_path, "all")
    assert set(configurations) == {"de", *usual}
    assert configurations["de"]["dataset_name"] == "de"
    assert list(list_tasks(row, tmp_path, ["deu"])) == ["de"]
    assert list(list_tasks(row, tmp_path, None)) == list(usual)
    assert task_digest(row, tmp_path, usual) == before, "a task that is not evaluated decides nothing"
    changed = task_digest(row, tmp_path, configurations)
    file.write_text("# a comment\n" + file.read_text())
    assert task_digest(row, tmp_path, list_tasks(row, tmp_path, "all")) == changed
    file.write_text(file.read_text().replace("{{premise}}", "{{premise.strip()}}"))
    assert task_digest(row, tmp_path, list_tasks(row, tmp_path, "all")) != changed


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("- a list", "the top level must be a mapping"),
        ("task: [", "not valid YAML"),
        ("task: xcopa_de", "output_type is None; it must be multiple_choice"),
        ("{task: xcopa_de, output_type: multiple_choice}", "metric_list lacks the metric acc"),
        ("{task: xcopa_de, output_type: multiple_choice, metric_list: [{metric: acc}]}", "dataset_name is None"),
        (
            "{task: xcopa_de, output_type: multiple_choice, metric_list: [{metric: acc}], dataset_name: de}",
            "neither test_split nor validation_split",
        ),
        ("include: nowhere.yaml", "nowhere.yaml: no such file"),
        ("include: xcopa_de.yaml", "includes itself"),
    ],
)
def test_task_files_that_cannot_be_evaluated_are_refused(content, expected, tmp_path):
    write_german(tmp_path).write_text(content)
    with pytest.raises(InputError) as error:
        list_tasks(find_benchmark("xcopa"), tmp_path, "all")
    assert expected in str(error.value) and "\n" not in str(error.value) and ".yaml" in str(error.value)


def test_tasks_of_languages_that_the_table_lacks_can_be_no_part_of_a_choice(capsys):
    row = find_benchmark("xcopa")
    available = ["xcopa_et", "xcopa_tlh"]
    assert select_tasks(row, available, ["et"], "here") == {"et": "xcopa_et"}
    with pytest.raises(InputError, match="xcopa has no language 'tlh'"):
        select_tasks(row, available, ["tlh"], "here")
    assert select_tasks(row, available, "all", "here") == {"et": "xcopa_et"}
    said = "xcopa: left out, since config/languages.tsv has no such language: xcopa_tlh\n"
    assert capsys.readouterr().err == said
    # a language that we know by another code is a mistake in a file's name
    with pytest.raises(InputError, match=r"no language 'deu'; did you mean 'de' \(German\)"):
        select_tasks(row, ["xcopa_et", "xcopa_deu"], "all", "here")


def test_no_split_of_examples_is_read(tmp_path):
    """Zero-shot needs none, also where a task file names one (TruthfulQA's `fewshot_split`)."""
    root = write_xcopa(tmp_path, ("de",))
    file = write_german(root)
    examples = {"training_split": "train", "fewshot_split": "train", "fewshot_config": {"sampler": "first_n"}}
    file.write_text(json.dumps({**json.loads(file.read_text()), **examples}))
    row = find_benchmark("xcopa")
    tasks = list_tasks(row, root, ["de"])
    task = load_tasks(row, root, tasks, read_rows(row, root, tasks))["tasks"]["xcopa_de"]
    assert len(task.eval_docs) == 6 and list(task.dataset) == ["test"]


def test_two_tasks_of_one_language_are_refused(tmp_path):
    (tmp_path / "tasks").mkdir()
    ja = {**list_tasks(find_benchmark("xwinograd"), tmp_path, ["ja"])["ja"], "task": "xwinograd_ja"}
    (tmp_path / "tasks" / "ja.yaml").write_text(json.dumps(ja))
    with pytest.raises(InputError, match="'xwinograd_ja' and 'xwinograd_jp' are both of language 'ja'"):
        list_tasks(find_benchmark("xwinograd"), tmp_path, "all")


def test_processed_documents_are_computed_once_and_equal_the_harness(tmp_path):
    """PAWS-X's `process_docs` drops and rewrites rows; the harness would run it again at every access."""
    from polytune.evaluation.harness import _process_documents_once

    rows = [
        {"id": 5, "sentence1": "It did n't rain .", "sentence2": "Rain fell .", "label": 0},
        {"id": 6, "sentence1": "", "sentence2": "Empty .", "label": 1},
        {"id": 7, "sentence1": "He ( she ) ran .", "sentence2": "She ran .", "label": 1},
    ]
    write_rows(tmp_path / "google-research-datasets" / "paws-x" / "en" / "test.jsonl", rows)
    row = find_benchmark("pawsx")
    configurations = list_tasks(row, tmp_path, ["en"])
    given = read_rows(row, tmp_path, configurations)
    task = load_tasks(row, tmp_path, configurations, given)["tasks"]["paws_en"]
    expected = list(task.eval_docs)
    assert [document["sentence1"] for document in expected] == ["It didn't rain", "He (she) ran"]
    assert _process_documents_once(task, "test", given["en"]) == [0, 2], (
        "the rows keep their numbers, so that languages stay parallel"
    )
    assert [dict(document) for document in task.eval_docs] == [
        {key: document[key] for key in rows[0]} for document in expected
    ]
    assert task.eval_docs is task.eval_docs  # no longer computed


def test_rows_that_a_task_leaves_out_keep_the_others_numbers(tmp_path):
    """The items of two languages stay parallel where one lacks a translation."""
    from lm_eval.api.model import LM

    from polytune.evaluation.harness import evaluate_benchmark

    class Longer(LM):
        """Prefers the longer choice."""

        def loglikelihood(self, requests, disable_tqdm=False):
            return [(-1 / len(request.args[1]), False) for request in requests]

        generate_until = loglikelihood_rolling = None

    for language, missing in (("de", 1), ("en", None)):
        write_rows(
            tmp_path / "google-research-datasets" / "paws-x" / language / "test.jsonl",
            [
                {"id": n, "sentence1": f"A {n}.", "sentence2": "" if n == missing else f"B {n}.", "label": n % 2}
                for n in range(4)
            ],
        )
    row = find_benchmark("pawsx")
    evaluated = evaluate_benchmark(Longer(), row, tmp_path, list_tasks(row, tmp_path, ["de", "en"]))
    numbers = {task: [sample["doc_id"] for sample in samples] for task, samples in evaluated["samples"].items()}
    assert numbers == {"paws_de": [0, 2, 3], "paws_en": [0, 1, 2, 3]}
    for samples in evaluated["samples"].values():
        assert [sample["gold"] for sample in samples] == [sample["doc_id"] % 2 for sample in samples]


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"label": -1}, "row 2: label is -1; it must be one of 0, 1 (an unlabelled split?)"),
        ({"label": True}, "row 2: label is True; it must be one of 0, 1"),
        ({"question": "causes"}, "row 2: question is 'causes'; it must be one of cause, effect; did you mean 'cause'?"),
        ({"choice2": None}, "row 2: choice2 is null; it must be a text"),
        ({"choice1": " "}, "row 2: choice1 is ' '; it must not be empty"),
        ({"premise": ["x"]}, "row 2: premise is ['x']; it must be a text"),
    ],
)
def test_rows_that_are_no_items_are_refused_before_the_harness_meets_them(change, expected, tmp_path):
    root = write_xcopa(tmp_path)
    row = find_benchmark("xcopa")
    tasks = list_tasks(row, root, ["tr"])
    file = root / "cambridgeltl" / "xcopa" / "test.tr.jsonl"
    items = [json.loads(line) for line in file.read_text().splitlines()]
    assert read_rows(row, root, tasks)["tr"] == items
    items[1] |= change
    write_rows(file, items)
    with pytest.raises(InputError) as error:
        read_rows(row, root, tasks)
    assert f"test.tr.jsonl: {expected}" in str(error.value)


def test_answers_that_are_no_choice_are_refused(tmp_path):
    """The harness counts an unlabelled item (-1) as wrong without a word. Here the table declares no values."""
    from polytune.evaluation.harness import _find_targets

    root = write_xcopa(tmp_path)
    row = replace(find_benchmark("xcopa"), columns=("premise", "label"))
    tasks = list_tasks(row, root, ["tr"])
    file = root / "cambridgeltl" / "xcopa" / "test.tr.jsonl"

    def targets():
        return _find_targets(load_tasks(row, root, tasks, read_rows(row, root, tasks))["tasks"]["xcopa_tr"], root)

    assert targets() == [0, 1] * 3
    text = file.read_text()
    file.write_text(text.replace('"label": 1', '"label": -1'))
    with pytest.raises(InputError, match=r"tr, item 1: the answer is -1; it must name one of 2 choices"):
        targets()
    file.write_text(text.replace('"question": "effect"', '"question": "why"'))
    with pytest.raises(InputError, match=r"tr, item 1: the task 'xcopa_tr' makes no question of it: KeyError: 'why'"):
        targets()
    file.write_text(text.replace('"choice1"', '"choice_1"'))
    with pytest.raises(InputError, match=r"tr: the harness cannot make the task 'xcopa_tr' of these rows: KeyError"):
        targets()


def test_every_row_of_the_table_is_complete():
    table = benchmarks()
    assert list(table) == NAMES
    for row in table.values():
        assert row.revision not in ("", "main")
        assert len(row.fields) >= 3 and all(field.kind != "any" for field in row.fields)
        assert (harness_tasks_folder() / row.harness_folder).is_dir()
    assert [row.benchmark for row in table.values() if not row.parallel] == ["xwinograd"]
    assert [row.title for row in table.values()] == ["XCOPA", "XStoryCloze", "XWinograd", "XNLI", "PAWS-X"]
    assert table["xnli"].fields[2].allowed == (0, 1, 2)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        ("\t0.5\tyes\tet", "\thalf\tyes\tet", "'xcopa': chance is 'half', expected a number"),
        ("\t0.5\tyes\tet", "\t1\tyes\tet", "'xcopa': chance is 1.0; it must lie between 0 and 1"),
        ("\t0.5\tyes\tet", "\tnan\tyes\tet", "'xcopa': chance is 'nan'"),
        ("\t0.5\tyes\tet", "\t0.5\tmaybe\tet", "'xcopa': parallel is 'maybe'; allowed: yes, no"),
        ("\tyes\tet ht ", "\tyes\tet ht et ", "'xcopa': languages: 'et' stands twice"),
        ("\tet ht id it qu sw ta th tr vi zh\t", "\t-\t", "'xcopa': languages is empty"),
        ("label:int(0,1) idx", "label:int(a,1) idx", "'xcopa': columns: 'label:int(a,1)': the values of int"),
        ("label:int(0,1) idx", "label:number idx", "'xcopa': columns: 'label:number' declares no column"),
        ("cambridgeltl/xcopa", "../xcopa", "'xcopa': hub_id is '../xcopa'"),
        ("\tlanguage\tcamb", "\tbcp47\tcamb", "'xcopa': code_scheme is 'bcp47'"),
        ("\ttitle\t", "\tname\t", "title"),
        ("\nxstorycloze\t", "\nxcopa\t", "'xcopa' stands in two rows"),
        ("\nxcopa\tXCOPA", "\nXCOPA!\tXCOPA", "benchmark is 'XCOPA!'"),
        ("\tXCOPA\t", "\t\t", "title is empty"),
        ("\tXCOPA\t", "\t", "wrong number of columns"),
    ],
)
def test_wrong_rows_of_the_table_are_told_with_file_row_and_column(old, new, expected, project, tmp_path):
    text = (project / "config" / "benchmarks.tsv").read_text()
    assert old in text
    path = tmp_path / "benchmarks.tsv"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError) as error:
        benchmarks(path)
    assert str(error.value).startswith(f"{path}: ") and expected in str(error.value) and "\n" not in str(error.value)


def test_a_byte_order_mark_is_no_part_of_the_table(project, tmp_path):
    path = tmp_path / "benchmarks.tsv"
    path.write_text((project / "config" / "benchmarks.tsv").read_text(), encoding="utf-8-sig")
    assert benchmarks(path) == benchmarks()


def test_evaluations_travel_as_json():
    row = find_benchmark("xnli")
    for languages in (None, "all", ("de", "fr")):
        evaluation = Evaluation("xnli", row, "hub", "resources/benchmarks", languages)
        text = json.dumps({**evaluation.to_json(), "fingerprint": "of a directory"})
        assert "resources" not in text and row.title not in text
        again = Evaluation.from_json(json.loads(text), "spec.json", {"hub/xnli": "resources/benchmarks"})
        assert again.to_json() == evaluation.to_json() and again.directory == evaluation.directory
    assert Benchmark.from_json(json.loads(text)["benchmark"], "spec.json").fields == row.fields


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("origin", "hubb", "origin is 'hubb'; did you mean 'hub'?; allowed: world, directory, hub"),
        ("name", "../x", "name is '../x'"),
        ("languages", "de", "languages is 'de'"),
        ("languages", [], "languages is []"),
        ("languages", ["de", 1], "languages is"),
        ("directory", "", "directory is ''"),
        ("items", 0, "items is 0; allowed: null, a whole number of 1 or more"),
        ("items", True, "items is True"),
        ("benchmark", "xnli", "benchmark: is 'xnli'; it must be a row"),
        ("extra", 1, "and no others"),
    ],
)
def test_wrong_evaluations_are_refused_by_key(key, value, expected):
    values = json.loads(json.dumps(asdict(Evaluation("xnli", find_benchmark("xnli"), "hub", "resources", None))))
    with pytest.raises(InputError) as error:
        Evaluation.from_json({**values, key: value}, "spec.json: evaluation 1", {})
    assert str(error.value).startswith("spec.json: evaluation 1: ") and expected in str(error.value)
    del values[key if key in values and key not in ("directory", "items") else "name"]
    with pytest.raises(InputError, match=r"spec\.json: is .*; it must have the keys name, benchmark, origin"):
        Evaluation.from_json(values, "spec.json", {})
