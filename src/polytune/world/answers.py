"""The exact judge's truth: how good an answer to an open question of the world is.

An answer is judged in its own language, whichever that is: whether it is the language that was asked for is another
question (`Reader.identify`), as in arXiv 2309.08958, section 3.3, where one multiplies the other. What counts is the
first sentence, in the most favourable reading of a language that has all of its words.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from polytune.world.grammar import JOINTS
from polytune.world.questions import Question
from polytune.world.reading import SENTENCE, Reader, Sentence
from polytune.world.world import World

GRADES = {
    10: "the true answer word for word, and nothing else",
    9: "the true answer word for word, then more",
    8: "the right person and the right event, but not word for word: another joining word or none",
    7: "the right person, another event of the same storyline, the right joining word",
    6: "the same with another joining word or none",
    5: "the right person, an event of another storyline",
    4: "the right person, the question's own event or one that does not exist",
    3: "a well-formed sentence about somebody else",
    2: "no sentence, but words of one language",
    1: "the rest: nothing, or words of no or of several languages",
}
"""The scale of 1 to 10, as of MT-Bench."""
TRUE, ABOUT_PERSON = 9, 4
"""The lowest grades that rate 3 and 2 on the scale of 1 to 3."""


def rating_of(grade: int) -> int:
    """Return a grade on the scale of 1 to 3: true, a well-formed sentence about the right person, the rest."""
    return 3 if grade >= TRUE else 2 if grade >= ABOUT_PERSON else 1


class AnswerKey:
    """Grades answers to the open questions of one world."""

    def __init__(self, world: World) -> None:
        self.world, self.reader = world, Reader(world)
        self.event_of = {event.verb: number for number, event in enumerate(world.facts.events)}
        self.grammars = [world.grammar(language, guarded=False) for language in self.reader.languages]
        self._truth = lru_cache(None)(self._true_words)

    @classmethod
    def read(cls, folder: Path | str) -> AnswerKey:
        """Return the key of the world in a folder; raises `InputError` as `World.read`."""
        return cls(World.read(folder))

    def rate(self, item: int, turn: int, text: str) -> int:
        """Return the rating of an answer, 1 to 3; arguments and errors as of `grade`."""
        return rating_of(self.grade(item, turn, text))

    def is_in(self, language: str, text: str) -> bool:
        """Tell whether an answer is in the language that was asked for (`Reader.identify`)."""
        return self.reader.identify(text, language).language == language

    def grade(self, item: int, turn: int, text: str) -> int:
        """Return the grade (`GRADES`) of an answer to turn `turn` (from 1) of question `item` (from 1).

        Raises IndexError for a question or turn that the world does not have.
        """
        sentences = ((words, match) for match in SENTENCE.finditer(text) if (words := self.reader.words(match[1])))
        words, match = next(sentences, ([], None))
        languages = self.reader.languages_of_words(words)
        if not languages:
            return 1
        if match[2] in ("?", "!"):  # a question is no answer: the prompt, repeated
            return 2
        truth = self._truth(item, turn)
        if any(tuple(words) == truth[language] for language in languages):
            return 9 if next(sentences, None) else 10
        read = [(language, self.reader.read(words, language)) for language in languages]
        return max((self._grade_sentence(item, turn, said, language) for language, said in read if said), default=2)

    def _grade_sentence(self, item: int, turn: int, said: Sentence, language: int) -> int:
        """Return the grade of a well-formed sentence that is not the true answer word for word."""
        question, facts = self._question(item, turn), self.world.facts
        asked, answer = question.turns[turn - 1]
        event = self.event_of[said.verb]
        if said.agent != question.agent:
            return 3
        if event == asked or facts.events[event].complement != said.complement:
            return 4
        if event == answer:
            return 8
        if event // facts.events_per_storyline != answer // facts.events_per_storyline:
            return 5
        joint = self.grammars[language].word(JOINTS[question.kind])
        return 7 if list(said.joint) == joint.split() else 6

    def _true_words(self, item: int, turn: int) -> list[tuple[str, ...]]:
        """Return the words of the true answer in every language."""
        question = self._question(item, turn)
        return [tuple(self.reader.words(question.tell_answers(grammar)[turn - 1])) for grammar in self.grammars]

    def _question(self, item: int, turn: int) -> Question:
        questions = self.world.questions
        if not (1 <= item <= len(questions) and 1 <= turn <= len(questions[item - 1].turns)):
            raise IndexError(f"the world has no turn {turn} of question {item}")
        return questions[item - 1]
