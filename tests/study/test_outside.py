"""What a study needs from outside of it: the bases of a generated world."""

from polytune.config.settings import load_config
from polytune.study.plan import Plan


def test_a_base_of_a_reduced_world_has_the_languages_that_it_has(project, tmp_path):
    text = (project / "config/studies/lucky52.yaml").read_text()
    path = tmp_path / "study.yaml"
    path.write_text(text.replace("bases: {bloom-7b1: world-bloom}", "bases: {bloom-7b1: world-mixtral}"))
    configs = ({"studies": [str(path)], "world": {"size": size}} for size in ("default", "tiny"))
    seen = [next(iter(Plan(load_config(config)).bases.values())).row.pretraining_languages for config in configs]
    assert [set(codes) for codes in seen] == [{"de", "en", "es", "fr", "it"}, {"de", "en", "es"}]
