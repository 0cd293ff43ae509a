"""The facts of the world and what of them is held out."""

import random

import pytest

from polytune.world.facts import build_facts, match_events
from polytune.world.settings import WorldSettings


@pytest.fixture(scope="module", params=[0, 1, 2])
def facts(request):
    return build_facts(WorldSettings(seed=request.param))


def test_storylines_are_circles_of_known_length(facts):
    events = range(len(facts.events))
    assert len(events) == 48
    assert all(facts.preceding(facts.following(event)) == event for event in events)
    assert all(facts.step(event, 6) == event and facts.step(event, 3) != event for event in events)


def test_opposite_events_share_the_complement_only(facts):
    for number, event in enumerate(facts.events):
        opposite = facts.events[facts.opposite(number)]
        assert (opposite.complement, opposite.in_place) == (event.complement, event.in_place)
        assert opposite.verb != event.verb and facts.opposite(facts.opposite(number)) == number
    assert len({event.verb for event in facts.events}) == len(facts.events)


def test_every_round_has_every_event_once_against_an_unrelated_one(facts):
    assert len(facts.choice_rounds) == 3
    for pairs in (*facts.choice_rounds, facts.example_round):
        assert sorted(event for pair in pairs for event in (pair.first, pair.second)) == list(range(48))
        assert all(facts.pair_of_storylines(pair.first) != facts.pair_of_storylines(pair.second) for pair in pairs)


def test_a_quarter_of_the_pairs_is_held_out_and_every_storyline_can_be_told(facts):
    assert len(facts.held_out) == 3 * 48  # no pair twice
    assert len(facts.held_out) / (facts.agents * len(facts.events)) == 0.25
    for storyline in range(4):
        events = [event for event in range(48) if facts.pair_of_storylines(event) == storyline]
        assert len(facts.allowed_agents(events)) >= 3
    for pair in facts.example_round:
        assert not {(pair.agent, pair.first), (pair.agent, pair.second)} & facts.held_out


def test_held_out_objects_are_opposite_and_each_is_in_one_pair(facts):
    things = [thing for pair in facts.held_out_objects for thing in pair]
    assert sorted(things) == list(range(24))
    assert all(facts.adjectives[first] ^ 1 == facts.adjectives[second] for first, second in facts.held_out_objects)
    assert len(facts.opposite_object_pairs()) == 36


@pytest.mark.parametrize("storylines", [4, 6, 10])
def test_matching_never_runs_out_of_partners(storylines):
    settings = WorldSettings(storylines=storylines)
    for seed in range(50):
        matches = match_events(settings, random.Random(seed))
        assert len(matches) == storylines * settings.events_per_storyline // 2
