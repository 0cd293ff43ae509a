"""How often identifiers of languages are right: py3langid on real prompts, the exact one on a world's sentences.

Real: the prompts of a folder in the layout of OpenAssistant-50 (`test_{language}.jsonl`), whole, and their beginnings
by number of letters. A fastText model is measured beside py3langid if its file is given. World: the true answers to the
open questions and the outputs of instruction rows, in all languages, with the language told (as a question tells it) or
not; and how many answers of another language pass because they are possible in the one that was asked for.

    python performance/identification.py --prompts DIR [--openlid FILE] [--glotlid FILE] [--seeds 1 2 3]
"""

from __future__ import annotations

import argparse
import time
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from statistics import mean

from polytune.config.identifiers import codes_of, find_identifier
from polytune.identification.identifiers import ModelIdentifier, open_identifier
from polytune.identification.text import FEWEST_LETTERS, IDEOGRAPH, count_letters, prose_of, words_of
from polytune.prompts.layouts import read_prompt_file
from polytune.world.instructions import write_tasks
from polytune.world.reading import Reader
from polytune.world.settings import WorldSettings
from polytune.world.world import World

BINS = (1, 5, 10, 15, 20, 30, 50, 100)  # letters, from
BEGINNINGS = (1, 2, 3, 4, 5, 6, 8, 12, 20)  # words
ROWS = 300  # instruction rows per language


def measure_prompts(name: str, identifier: ModelIdentifier, prompts: dict[str, list[str]]) -> None:
    """Print the accuracy on whole prompts per language, and on beginnings by number of letters."""
    started = time.process_time()
    passes = {
        language: [identifier.identify(text, language).language_pass for text in texts]
        for language, texts in prompts.items()
    }
    seconds = time.process_time() - started
    print(f"\n{name}: whole prompts, {sum(map(len, prompts.values())) / seconds:.0f} a second")
    print("  " + "  ".join(f"{language} {mean(right):.2f}" for language, right in passes.items()))
    print(f"  mean {mean(map(mean, passes.values())):.4f}")
    right = defaultdict(list)
    for language, texts in prompts.items():
        for beginning in (part for text in texts for part in beginnings(text)):
            bin = BINS[bisect_right(BINS, count_letters(beginning)) - 1]
            right[bin].append(identifier.codes.get(identifier.predict(beginning)[0]) == language)
    for bin in sorted(right):
        decided = "" if bin >= FEWEST_LETTERS else "  (decided by script)"
        print(f"  from {bin:3} letters: {mean(right[bin]):.3f} of {len(right[bin])}{decided}")


def beginnings(text: str) -> Iterator[str]:
    """Yield the first words (signs, where words have no spaces) of a text."""
    words = words_of(prose_of(text))
    parts = list(words.replace(" ", "")) if IDEOGRAPH.search(words[:1]) else words.split()
    for count in BEGINNINGS:
        if count <= len(parts):
            yield ("" if IDEOGRAPH.search(words[:1]) else " ").join(parts[:count])


def measure_world(seed: int) -> None:
    """Print how often the exact identifier names the language of a sentence."""
    world = World.draw(WorldSettings(seed=seed))
    reader, languages = Reader(world), world.settings.languages
    grammars = {language: world.grammar(language, guarded=False) for language in languages}
    answers = {
        language: [text for question in world.questions for text in question.tell_answers(grammar)]
        for language, grammar in grammars.items()
    }
    tasks = write_tasks(world.settings, world.facts)[:ROWS]
    outputs = {language: [task(grammar)[2] for task in tasks] for language, grammar in grammars.items()}
    print(f"\nworld of seed {seed}, {len(languages)} languages")
    for kind, texts in (("answers to open questions", answers), ("outputs of instruction rows", outputs)):
        count = sum(map(len, texts.values()))
        told = [reader.identify(text, language).language == language for language in texts for text in texts[language]]
        found = [(reader.identify(text, ""), language) for language in texts for text in texts[language]]
        alone = sum(one.candidates == 1 for one, _ in found)
        right = sum(one.language == language for one, language in found)
        print(f"  {count} {kind}: told {mean(told):.4f}, not told {right / count:.3f}, unique {alone / count:.3f}")
    started, passing = time.process_time(), {}
    for language, texts in answers.items():
        for asked in languages:
            if asked != language:
                passing[asked, language] = mean(reader.identify(text, asked).language == asked for text in texts)
    rate = sum(map(len, answers.values())) * (len(languages) - 1) / (time.process_time() - started)
    closest = sorted(passing, key=passing.get, reverse=True)[:6]
    english = sorted((pair for pair in passing if pair[1] == "en"), key=passing.get, reverse=True)[:6]
    print(f"  another language passes {mean(passing.values()):.4f}; {rate:.0f} texts a second")
    print(
        "  most: " + ", ".join(f"{asked} in {language} {passing[asked, language]:.2f}" for asked, language in closest)
    )
    print("  answers in English: " + ", ".join(f"{asked} {passing[asked, 'en']:.2f}" for asked, _ in english))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--prompts", type=Path, help="folder with test_{language}.jsonl")
    parser.add_argument("--openlid", type=Path, help="OpenLID's model file")
    parser.add_argument("--glotlid", type=Path, help="GlotLID's model file")
    parser.add_argument("--seeds", type=int, nargs="*", default=[1, 2, 3], help="of the worlds")
    options = parser.parse_args()
    if options.prompts:
        files = sorted(options.prompts.glob("test_*.jsonl"))
        prompts = {
            (language := file.stem.removeprefix("test_")): [
                prompt.turns[0] for prompt in read_prompt_file(file, "lines", language)
            ]
            for file in files
        }
        for name in ("py3langid", "openlid", "glotlid"):
            model = getattr(options, name, None)
            if model or name == "py3langid":
                row = find_identifier(name, "--identifier")
                measure_prompts(row.title, open_identifier(row, codes_of(row), model), prompts)
    for seed in options.seeds:
        measure_world(seed)


if __name__ == "__main__":
    main()
