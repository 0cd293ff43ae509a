"""The table of items: every row is there in the order it came, and a measure's rows lie together."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from polytune.scores import writing

MEASURES = ("acc", "margin")


@pytest.mark.parametrize("group_rows", [1, 25, 10_000])
def test_rows_of_a_measure_lie_together_in_their_order(tmp_path, monkeypatch, group_rows):
    monkeypatch.setattr(writing, "GROUP_ROWS", group_rows)
    path, expected = tmp_path / "items.parquet", []
    with writing.ItemsWriter(path) as items:
        for number in range(5):
            for evaluation in ("xnli", "xcopa"):
                values = pd.DataFrame({"language": "en", "item": np.arange(10), "acc": 1.0, "margin": 0.5 + number})
                values.loc[3, "margin"] = np.nan  # is not written
                items.add(values, run=f"run{number}", evaluation=evaluation, origin="world")
                expected += [(f"run{number}", evaluation, "margin", item) for item in range(10) if item != 3]
    file = pq.ParquetFile(path)
    groups = [file.read_row_group(number).to_pandas() for number in range(file.num_row_groups)]
    assert all(len(group[["evaluation", "origin", "measure"]].drop_duplicates()) == 1 for group in groups)
    table = pd.read_parquet(path, filters=[("evaluation", "=", "xcopa"), ("measure", "=", "margin")])
    found = list(
        table[["run", "evaluation", "measure", "item"]].astype({"run": str}).itertuples(index=False, name=None)
    )
    assert found == [row for row in expected if row[1] == "xcopa"]
    assert sum(map(len, groups)) == 5 * 2 * (10 + 9)


def test_nothing_is_left_of_a_table_that_failed(tmp_path):
    path = tmp_path / "items.parquet"
    with pytest.raises(RuntimeError), writing.ItemsWriter(path) as items:
        items.add(pd.DataFrame({"language": ["en"], "item": [1], "acc": [1.0]}), run="a", evaluation="b", origin="c")
        raise RuntimeError
    assert list(tmp_path.iterdir()) == []
