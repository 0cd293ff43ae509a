"""`polytune import`: what may stand in one table, and the table."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from polytune.config.benchmarks import benchmarks
from polytune.errors import InputError
from polytune.imports.read import command, import_results
from polytune.imports.rows import build_table
from polytune.imports.tasks import Wanted
from tests.cases.harness_logs import (
    WINOGRAD,
    items_of,
    log_of,
    results_03,
    results_04,
    sample_lines,
    table_03,
    table_04,
    write_mapping,
)

WINOGRAD_RIGHT = {code: round(0.6 * items) for code, items in WINOGRAD.items()}
LANGUAGES = ["et", "ht", "id", "it", "qu", "sw", "ta", "th", "tr", "vi", "zh"]
XCOPA = dict(zip(LANGUAGES, range(250, 360, 10), strict=True))
RIGHT = {"xcopa": XCOPA, "xwinograd": WINOGRAD_RIGHT}
WANTED = [Wanted(name, row) for name, row in benchmarks().items()]


def read(folder: Path, files: dict[str, str], *allow: str, whole: bool = False, mapping: list[str] | None = None):
    """Import files of one run each, by name; a mapping may say otherwise."""
    (folder / "logs").mkdir(exist_ok=True)
    for name, text in files.items():
        (folder / "logs" / name).parent.mkdir(exist_ok=True)
        (folder / "logs" / name).write_text(text)
    mapping = mapping or [f"{name},m,S{number},2,1,af bn" for number, name in enumerate(files)]
    path = write_mapping(folder / "mapping.csv", *mapping)
    checked, items, report = import_results("lm-eval", [folder / "logs"], path, WANTED, allow, whole)
    return build_table(checked), items, report


def refused(folder: Path, files: dict[str, str], kind: str, message: str, **options) -> pd.DataFrame:
    """Return what is imported if it is asked for, after looking at the one line that refuses it."""
    with pytest.raises(InputError, match=message) as caught:
        read(folder, files, **options)
    assert f"--allow {kind}" in str(caught.value) and "\n" not in str(caught.value)
    return read(folder, files, kind, **options)[0]


def test_every_row_has_its_run_and_its_provenance(tmp_path):
    table, _, report = read(tmp_path, {"a.log": log_of(table_04(RIGHT), bars=3000)})
    assert len(table) == len(LANGUAGES) + len(WINOGRAD) + 2
    assert list(table.columns[:8]) == ["run", "base", "method", "variant", "selection", "size", "seed", "languages"]
    japanese = table[table["task"] == "xwinograd_jp"].iloc[0]
    assert (japanese.language, japanese.evaluation, japanese.file) == ("ja", "xwinograd", "a.log")
    line = (tmp_path / "logs/a.log").read_bytes().decode().split("\n")[japanese.line - 1]
    assert f"{japanese.value:.4f}" in line and "xwinograd_jp" in line
    assert list(table["digest"].unique()) == list(report["files"].values()) and len(japanese.digest) == 64
    group = table[(table["evaluation"] == "xwinograd") & (table["aggregate"] == "group")].iloc[0]
    assert group.value == pytest.approx(sum(WINOGRAD_RIGHT.values()) / sum(WINOGRAD.values()), abs=1e-4)
    assert report["left_out"] == {"said twice": 2}  # the groups have a table of their own


def test_items_follow_from_the_errors(tmp_path):
    """From one log to a percent; from the same items in many runs nearly exactly."""
    one, _, _ = read(tmp_path, {"a.log": log_of(table_04(RIGHT))})
    for row in one[one["language"] != ""].itertuples():
        prefix, _, code = row.task.rpartition("_")
        assert row.items == pytest.approx(items_of(prefix, code), rel=0.01)
    files = {
        f"{number}.log": log_of(
            table_04({"xwinograd": {code: count + number for code, count in WINOGRAD_RIGHT.items()}})
        )
        for number in range(12)
    }
    many, _, _ = read(_fresh(tmp_path), files)
    for row in many[many["language"] != ""].itertuples():
        assert row.items == pytest.approx(items_of("xwinograd", row.task[-2:]), abs=2)


def _fresh(folder: Path) -> Path:
    (folder / "fresh").mkdir()
    return folder / "fresh"


def test_old_and_new_files_stand_together(tmp_path):
    files = {"old.json": results_03({"xcopa": XCOPA}), "new.json": results_04({"xcopa": XCOPA})}
    table = refused(tmp_path, files, "versions", "xcopa_et: version is 0, but 1.0 in new.json: line 7: not")
    values = table[table["aggregate"] == ""].pivot(index="language", columns="file", values="value")
    assert (values["old.json"] - values["new.json"]).abs().max() < 1e-12 and len(values) == 11
    assert dict(zip(table["file"], table["harness"], strict=True)) == {"old.json": "", "new.json": "0.4.2"}


def test_a_log_and_a_result_file_write_one_version_differently(tmp_path):
    files = {"a.log": log_of(table_04({"xcopa": XCOPA})), "b.json": results_04({"xcopa": {**XCOPA, "et": 251}})}
    table, _, _ = read(tmp_path, files)
    assert set(table.loc[table["language"] != "", "version"]) == {"1", "1.0"}


def test_unlike_versions_of_pawsx(tmp_path):
    right = {"paws": dict.fromkeys(["de", "en", "es", "fr", "ja", "ko", "zh"], 1000)}
    files = {
        "a.log": log_of(table_04(right, versions={"paws": "0"})),
        "b.log": log_of(table_04(right | {"paws": {**right["paws"], "de": 1001}}, versions={"paws": "1.0"})),
    }
    message = "b.log: line .*: paws_de: version is 1.0, but 0 in a.log: line .*not comparable.*6 more: versions"
    assert set(refused(tmp_path, files, "versions", message)["version"]) == {"0", "1.0", ""}


def test_logs_of_version_03_with_a_limit_or_unlike_shots(tmp_path):
    right = {"paws": dict.fromkeys(["de", "en", "es", "fr", "ja", "ko", "zh"], 1000)}
    other = table_03(right | {"paws": {**right["paws"], "de": 1001}})
    files = {"a.log": log_of(table_03(right), shots="0"), "b.log": log_of(other, shots="5")}
    table = refused(tmp_path, files, "versions", "b.log: line .*: pawsx_de: shots is 5, but 0 in a.log: line .*6 more")
    assert set(table.loc[table["file"] == "b.log", "shots"]) == {"5"}
    files = {"a.log": log_of(table_03(right), limit="500.0", shots="0")}
    refused(_fresh(tmp_path), files, "limit", "a.log: evaluated with limit: 500.0, not on all items")


def test_duplicates(tmp_path):
    other = table_04({"xcopa": {**XCOPA, "et": 300}})
    table = refused(
        tmp_path,
        {"a.log": log_of(table_04({"xcopa": XCOPA}) + "\n" + other)},
        "duplicates",
        r"a.log: line 6: xcopa: acc is 0.6, and 0.6091 in a.log: line 25.*\(1 more: duplicates\)",
    )
    assert table.set_index("task").at["xcopa_et", "value"] == 0.6  # the last one
    twice = {"b.log": log_of(other), "c.log": log_of(other)}
    refused(
        _fresh(tmp_path), twice, "duplicates", "c.log: the same bytes as b.log, which is of the run 'm/imported/s0-2"
    )


def test_missing_tasks(tmp_path):
    less = {code: right for code, right in XCOPA.items() if code not in ("th", "zh")}
    files = {"a.json": results_04({"xcopa": XCOPA}), "b.json": results_04({"xcopa": less})}
    message = "b.json: the run 'm/imported/s1-2/seed1' lacks 2 of 11 tasks of xcopa: xcopa_th, xcopa_zh"
    table = refused(tmp_path, files, "missing", message)
    assert table.groupby("file")["task"].nunique().to_dict() == {"a.json": 12, "b.json": 10}
    # alone, nothing is known to be missing, unless every task is wanted
    alone = {"b.json": files["b.json"]}
    assert len(read(_fresh(tmp_path), alone)[0]) == 10
    refused(tmp_path / "fresh", alone, "missing", "lacks 2 of 11 tasks of xcopa", whole=True)


def test_a_part_of_the_items(tmp_path):
    refused(tmp_path, {"a.log": log_of(table_04(RIGHT), limit="100")}, "limit", "a.log: evaluated with limit: 100")
    whole, part = results_04({"xcopa": XCOPA}), json.loads(results_04({"xcopa": XCOPA}))
    part["n-samples"]["xcopa_et"]["effective"] = 100
    part["results"]["xcopa"]["acc,none"] = (50 + sum(XCOPA.values()) - 250) / 5100
    files = {"a.json": whole, "b.json": json.dumps(part)}
    table = refused(_fresh(tmp_path), files, "items", "xcopa_et: about 100 items, but about 500 in a.json")
    assert set(table.loc[table["task"] == "xcopa_et", "items"]) == {100, 500}


def test_groups_that_are_not_their_languages(tmp_path):
    text = log_of(table_04({"xcopa": XCOPA})).replace(f"{sum(XCOPA.values()) / 5500:.4f}", "0.7000")
    refused(tmp_path, {"a.log": text}, "groups", "xcopa: acc is 0.7, but its languages, weighted by items, give 0.6")


def test_files_without_a_row(tmp_path):
    files = {"a.log": log_of(table_04({"xcopa": XCOPA})), "b.log": log_of(table_04({"xcopa": {**XCOPA, "et": 1}}))}
    mapping = ["a.log,m,GEO,2,1,af bn"]
    table = refused(tmp_path, files, "unmapped", "b.log: holds results, but no row of .*mapping.csv", mapping=mapping)
    assert set(table["file"]) == {"a.log"}
    files = {"a.log": files["a.log"], "c.json": '{"model_type": "bloom"}', "d.log": "no table\n"}
    assert read(_fresh(tmp_path), files, mapping=mapping)[2]["left_out"]["files without results"] == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "a.log: no table of results; is the log cut before its end"),
        (log_of(table_04({"xcopa": XCOPA}))[:400], "is the log cut"),
        (
            log_of(table_04({"xcopa": {"et": 250}}).replace("0.5000", "50.000")),
            "acc is 50, expected a share from 0 to 1",
        ),
        (log_of(table_04({"xcopa": {"et": 250}}).replace("0.5000", "   nan")), "xcopa_et: acc is not a finite number"),
        (
            log_of(table_04({"mmlu": {}}) if False else "|Tasks|Version|Metric|Value|\n|arc|1|acc|0.5|"),
            "no result of xcopa",
        ),
    ],
)
def test_hostile_files_are_one_line(tmp_path, text, message):
    with pytest.raises(InputError, match=message) as caught:
        read(tmp_path, {"a.log": text})
    assert "\n" not in str(caught.value)


def test_samples_beside_results(tmp_path):
    """A folder of a model as the harness writes it, one task with items: they must be the result's."""
    files = {
        "m/results_2024-05-01T10-11-12.3.json": results_04({"xcopa": {"et": 260}}),
        "m/samples_xcopa_et_2024-05-01T10-11-12.3.jsonl": sample_lines(260, 500),
    }
    mapping = ["m,m,GEO,2,1,af bn"]
    table, items, report = read(tmp_path, files, mapping=mapping)
    assert table.set_index("task").at["xcopa_et", "file"].endswith(".json")
    ((key, samples),) = items.items()
    assert key == ("m/imported/geo-2/seed1", "xcopa", "et") and len(samples.items) == 500
    assert report["left_out"] == {"worked out from items besides": 1}
    files |= {"m/samples_xcopa_et_2024-05-01T10-11-12.3.jsonl": sample_lines(250, 500)}
    with pytest.raises(InputError, match=r"the accuracy of its 500 items is 0.5, but 0.52 in .*not of one evaluation"):
        read(tmp_path, files, mapping=mapping)
    # and alone they are a result
    (tmp_path / "logs/m/results_2024-05-01T10-11-12.3.json").unlink()
    table, _, _ = read(tmp_path, {}, mapping=mapping)
    assert table["value"].tolist() == [0.5] and table["items"].tolist() == [500]


def test_the_command_writes_table_items_and_report(tmp_path, capsys):
    (tmp_path / "a.log").write_text(log_of(table_04(RIGHT) + "\n|Tasks|Version|Metric|Value|\n|arc|1|acc|0.5|\n"))
    mapping = write_mapping(tmp_path / "m.csv", "a.log,bloom-1b7,GEO,2,1,af bn,64", more=",rank")
    command("lm-eval", [tmp_path / "a.log"], tmp_path / "out/s.parquet", mapping)
    table = pd.read_parquet(tmp_path / "out/s.parquet")
    assert set(table["rank"]) == {64.0} and list(table["languages"].iloc[0]) == ["af", "bn"]
    assert pd.read_parquet(tmp_path / "out/s.samples.parquet").empty
    report = json.loads((tmp_path / "out/s.report.json").read_text())
    assert report["scores"] == len(table) == 19 and report["tasks_not_imported"] == {"arc": 1}
    assert "1 numbers of 1 other tasks (arc)" in capsys.readouterr().out


def test_a_tidy_csv(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(
        "base,selection,size,seed,languages,benchmark,language,value,stderr,items,note\n"
        "m,GEO,2,1.0,af bn,xcopa,et,0.52,0.02,500.0,n\n"
        "m,GEO,2,1,af bn,xcopa,,0.53,,,n\n"
        "m,,,,,xcopa,et,0.50,,,\n"
        "m,,,,,glue,en,0.9,,,\n"
    )
    checked, _, report = import_results("csv", [path], None, WANTED)
    table = build_table(checked).set_index(["run", "aggregate"])
    tuned = table.loc["m/imported/geo-2/seed1", ""]
    assert (tuned.value, tuned.stderr, tuned["items"], tuned.line, tuned.note) == (0.52, 0.02, 500, 2, "n")
    assert table.at[("m/imported/geo-2/seed1", "group"), "value"] == 0.53
    assert table.at[("m/base/none/seed0", ""), "value"] == 0.50 and report["tasks_not_imported"] == {"glue": 1}
    path.write_text(path.read_text().replace("0.52", "52"))
    with pytest.raises(InputError, match="line 2: xcopa_et: acc is 52, expected a share"):
        import_results("csv", [path], None, WANTED)
    path.write_text(path.read_text().replace("500.0", "500.5"))
    with pytest.raises(InputError, match=r"row 1: items is '500\.5', expected a whole number"):
        import_results("csv", [path], None, WANTED)
    path.write_text("base,selection,seed,languages,benchmark,language\nm,,,,xcopa,et\n")
    with pytest.raises(InputError, match="no column 'value'"):
        import_results("csv", [path], None, WANTED)
