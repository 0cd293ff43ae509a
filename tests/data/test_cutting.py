"""What a maximum length leaves of rows, against a count row by row."""

import numpy as np
import pytest

from polytune.data.cutting import Cut, Lengths, check_cut
from polytune.errors import InputError


@pytest.mark.parametrize("encoder_decoder", [False, True])
def test_what_is_left_is_what_slicing_leaves(encoder_decoder):
    draw = np.random.default_rng(1)
    prompts = draw.integers(0, 30, 200)
    totals = prompts + draw.integers(1, 20, 200)
    lengths = Lengths(16, 12 if encoder_decoder else None)
    kept, left = lengths.cut(prompts, totals, encoder_decoder)
    partly = wholly = 0
    for row, (prompt, total) in enumerate(zip(prompts, totals, strict=True)):
        tokens = ["p"] * prompt + ["a"] * (total - prompt)
        sides = (tokens[:prompt][:12], tokens[prompt:][:16]) if encoder_decoder else (tokens[:16],)
        remaining = [token for side in sides for token in side]
        assert (kept[row], left[row]) == (remaining.count("p"), remaining.count("a"))
        partly += 0 < remaining.count("a") < total - prompt
        wholly += remaining.count("a") == 0
    assert Cut.count(totals - prompts, left) == Cut(200, partly, wholly)
    assert partly and bool(wholly) != encoder_decoder


def test_a_share_above_the_allowed_one_names_languages_and_remedies():
    cuts = {"xquad/en": Cut(1190, 0, 0), "xquad/zh": Cut(1190, 10, 99), "xquad/ru": Cut(1190, 20, 371)}
    check_cut(cuts, 768, 0.4, "here")
    with pytest.raises(InputError) as raised:
        check_cut(cuts, 768, 0.05, "mixture 'm'")
    said = str(raised.value)
    assert said.startswith(
        "mixture 'm': at max_length_tokens 768, xquad/ru: of 1,190 answers 371 cut wholly and 20 partly (32.9%)"
    )
    assert (
        "; xquad/zh: of 1,190 answers 99 cut wholly and 10 partly (9.2%). That is more than the allowed share 0.05"
        in said
    )
    assert "data.largest_cut_share" in said and "complete_rows: true" in said and "xquad/en" not in said
