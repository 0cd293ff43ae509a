"""The exact truth: which language of the world an answer is in, and how good it is in that language."""

from collections import Counter
from dataclasses import replace

import pytest

from polytune.errors import InputError
from polytune.world.answers import GRADES, AnswerKey, rating_of
from polytune.world.build import build_world
from polytune.world.lexicon import NAMES
from polytune.world.settings import WorldSettings
from polytune.world.world import World

LANGUAGES = ("en", "zh", "af", "es", "gl", "hi", "ur", "it", "tr", "sw", "vi", "ar")
SETTINGS = WorldSettings(
    seed=9, languages=LANGUAGES, base_languages=("en", "es"), documents_per_base_language=2, instruction_rows=2
)


@pytest.fixture(scope="module")
def key():
    return AnswerKey(World.draw(SETTINGS))


@pytest.fixture(scope="module")
def asked(key):
    """A question of one turn, its number and the unguarded grammars by language."""
    number, question = next((n, q) for n, q in enumerate(key.world.questions, 1) if q.kind == "why")
    return number, question, dict(zip(LANGUAGES, key.grammars, strict=True))


def test_a_true_answer_is_best_in_every_language_and_in_the_language_asked_for(key):
    for number, question in enumerate(key.world.questions, 1):
        for language, grammar in zip(LANGUAGES, key.grammars, strict=True):
            for turn, answer in enumerate(question.tell_answers(grammar), 1):
                assert key.grade(number, turn, answer) == 10
                assert key.reader.identify(answer, language).language == language


def test_the_language_is_one_that_has_the_most_words_counted_by_hand(key):
    """Against plain sets of words, for every true answer and every language asked for."""
    sets = {
        language: {part for word in key.world.lexicons[language].values() for part in word.form.split()}
        for language in LANGUAGES
    }
    rules = Counter()
    for question in key.world.questions[:40]:
        for grammar in key.grammars:
            answer = question.tell_answers(grammar)[0]
            words = [word for word in answer.rstrip(".").split() if word not in NAMES]
            counts = {language: sum(word in sets[language] for word in words) for language in LANGUAGES}
            for language in LANGUAGES:
                found = key.reader.identify(answer, language)
                rules[found.rule] += 1
                assert counts[found.language] == max(counts.values())
                if list(counts.values()).count(max(counts.values())) == 1:
                    assert (found.rule, found.candidates) == ("words", 1)
                elif found.rule == "asked":
                    assert found.language == language
    assert rules["words"] > rules["asked"] > 0 and rules["first"] + rules["loans"] > 0


def test_relatives_that_share_the_words_are_told_apart_by_their_order_only(key):
    """Spanish and Galician have one order; Hindi's verb stands last, English's does not."""
    shared = [
        (question.agent, answer)
        for question in key.world.questions
        for _, answer in question.turns
        if len({grammar.clause(question.agent, answer) for grammar in key.grammars[3:5]}) == 1
    ]
    assert shared
    agent, event = shared[0]
    clause = f"{key.grammars[3].clause(agent, event)}."
    assert key.reader.identify(clause, "gl").language == "gl"
    assert key.reader.identify(clause, "es").language == "es"
    assert key.reader.identify(clause, "tr").language in ("es", "gl")


@pytest.mark.parametrize(
    ("text", "language"),
    [("", ""), ("...", ""), ("mirela mirela", ""), ("\x00\ud83d [[3]] {question}", ""), ("quux foo bar", "")],
)
def test_what_is_no_word_of_any_language_is_in_none(key, text, language):
    assert key.reader.identify(text, "en").language == language
    assert key.grade(1, 1, text) == 1


@pytest.mark.parametrize("language", ["en", "hi", "ar", "sw", "zh"])  # three orders; connectors of one word and of two
def test_the_scale_goes_down_with_what_is_wrong(key, asked, language):
    number, question, grammars = asked
    g, facts, agent = grammars[language], key.world.facts, question.agent
    event, answer = question.turns[0]
    somebody = (agent + 1) % facts.agents
    same_storyline, elsewhere = facts.step(answer, 3), facts.step(facts.opposite(answer), 2)
    if same_storyline == event:
        same_storyline = facts.step(answer, 2)
    because, therefore = g.word("because"), g.word("therefore")
    told = facts.events[answer]
    verb = g.words[told.verb]
    odd = next(word for n in range(24) if (word := g.words[f"object {n}"]) != g.words[told.complement])
    texts = {
        10: f"{because} {g.clause(agent, answer)}.",
        9: f"{because} {g.clause(agent, answer)}. {g.clause(agent, answer)}.",
        8: f"{therefore} {g.clause(agent, answer)}.",
        7: f"{because} {g.clause(agent, same_storyline)}.",
        6: f"{g.clause(agent, same_storyline)}.",
        5: f"{because} {g.clause(agent, elsewhere)}.",
        4: f"{because} {g.clause(agent, event)}.",
        3: f"{because} {g.clause(somebody, answer)}.",
        2: f"{because} {verb} {verb} {NAMES[agent]}.",
        1: f"{because} xyzzy {NAMES[agent]}.",
    }
    assert texts.keys() == GRADES.keys()
    assert {grade: key.grade(number, 1, text) for grade, text in texts.items()} == {grade: grade for grade in GRADES}
    assert key.grade(number, 1, f"{because} {g.order(NAMES[agent], verb, odd)}.") == 4  # no event of the world
    assert key.grade(number, 1, texts[10].rstrip(".")) == key.grade(number, 1, f"\n {texts[10]} \n") == 10
    assert key.grade(number, 1, question.tell_turns(g)[0]) == 2  # the prompt, repeated
    assert [rating_of(grade) for grade in sorted(GRADES)] == [1, 1, 1, 2, 2, 2, 2, 2, 3, 3]


def test_quality_does_not_depend_on_the_language_of_the_answer(key, asked):
    number, question, grammars = asked
    wrong = question.tell_answers(grammars["tr"])[0]
    assert key.rate(number, 1, wrong) == 3
    assert key.reader.identify(wrong, "es").language == "tr"


def test_the_second_turn_has_its_own_truth(key):
    number, question = next((n, q) for n, q in enumerate(key.world.questions, 1) if len(q.turns) == 2)
    first, second = question.tell_answers(key.grammars[0])
    assert (key.grade(number, 1, first), key.grade(number, 2, second)) == (10, 10)
    assert key.rate(number, 2, first) == key.rate(number, 1, second) == 2


@pytest.mark.parametrize(("item", "turn"), [(0, 1), (101, 1), (1, 0), (1, 2), (-1, 1)])
def test_a_question_that_does_not_exist_is_refused(key, item, turn):
    with pytest.raises(IndexError, match="no turn"):
        key.grade(item, turn, key.world.questions[0].tell_answers(key.grammars[0])[0])


def test_a_folder_gives_back_its_world_and_another_generators_folder_is_refused(tmp_path):
    settings = replace(SETTINGS, languages=("en", "es"))
    build_world(settings, tmp_path / "w9")
    world = World.read(tmp_path / "w9")
    assert world.settings == settings and world.lexicons == World.draw(settings).lexicons
    truth = tmp_path / "w9" / "truth.json"
    truth.write_text(truth.read_text().replace(NAMES[0], "someone", 1))
    with pytest.raises(InputError, match="another version of the generator"):
        World.read(tmp_path / "w9")
    marker = tmp_path / "w9" / "world.json"
    marker.write_text(marker.read_text().replace('"questions": 100', '"queries": 100'))
    with pytest.raises(InputError, match="another version of the generator"):
        World.read(tmp_path / "w9")
