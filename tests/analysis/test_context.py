"""How values are written beside numbers."""

from __future__ import annotations

from polytune.analysis.context import Context


def test_a_name_leaves_out_the_one_world_that_is_said_below():
    one = Context("alpaca", "world", ("w1",), (), {"sv": "Swedish"})
    assert one.word("base", "world-bloom-small-w1") == "world-bloom-small"
    assert one.word("mixture", "world-w1-en-60-rows") == "world-en-60-rows"
    assert one.word("language", "sv") == "Swedish"
    several = Context("alpaca", "world", ("w1", "w2"), (), {})
    assert several.word("base", "world-bloom-w1") == "world-bloom-w1"
