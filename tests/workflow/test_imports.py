"""A study of imported results alone: built without a model, and only what an edit decides runs again."""

from __future__ import annotations

import os

from tests.cases.imported_study import write_imported_study

COLLECTED = {"import_results": 1, "collect_scores": 1, "draw_figure": 1, "build_table": 5}


def test_imported_results_become_figures_and_tables(clean_checkout, tmp_path):
    checkout = clean_checkout.copy(tmp_path / "polytune")
    study = write_imported_study(checkout.folder / "measured")
    study.write_text(study.read_text().replace(f"{checkout.folder}/", ""))
    (checkout.folder / "config/config.yaml").write_text("studies: [measured/published.yaml]\n")
    specs = {"write_spec": 7, "write_spec_of_scores": 1}
    assert _without_target(checkout.plan()) == {**specs, **COLLECTED}
    checkout.run("--cores", "2", "--quiet", "all")
    built = checkout.folder / "results/studies/published/full"
    table = (built / "tables/selections.md").read_text()
    assert "| bloom-1b7 | GEO |" in table and "Measured elsewhere and imported" in table
    assert "| mgpt-1.3b | base model |" in (built / "tables/table3.md").read_text()
    assert "| Japanese |" in (built / "tables/table9.md").read_text()
    assert (built / "figures/selections.png").stat().st_size > 10_000
    assert _without_target(checkout.plan()) == {}

    log = checkout.folder / "measured/logs/bloom-1b7.log"
    os.utime(log)  # looked at again; nothing after it runs if it says the same
    assert _without_target(checkout.plan())["import_results"] == 1
    checkout.run("--cores", "2", "--quiet", "all")
    assert _without_target(checkout.plan()) == {}

    checkout.edit(
        "measured/mapping.csv", "bloom-1b7-GEO-1.log,bloom-1b7,GEO,4,1", "bloom-1b7-GEO-1.log,bloom-1b7,GEO,4,9"
    )
    planned = _without_target(checkout.plan())
    assert planned == {"write_spec": 1, "write_spec_of_scores": 1, **COLLECTED}


def _without_target(planned: dict[str, int]) -> dict[str, int]:
    return {rule: count for rule, count in planned.items() if rule != "published"}
