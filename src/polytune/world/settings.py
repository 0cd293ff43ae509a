"""Every number that shapes the generated world, with its reason. `docs/world.md` discusses them."""

from __future__ import annotations

from dataclasses import dataclass, replace

from polytune.errors import InputError, nearest

# The 52 languages of Bactrian-X in the order of Lucky 52, then those its benchmarks (eu, ht, qu) and XNLI (bg, el) add.
LUCKY52_ORDER = (
    "en zh af ar az bn cs de es et fa fi fr gl gu he hi hr id it ja ka kk km ko lt lv mk ml mn mr my ne nl pl ps pt ro"
    " ru si sl sv sw ta te th tl tr uk ur vi xh"
)
ADDED_LANGUAGES = "eu ht qu bg el"
LANGUAGES = tuple(f"{LUCKY52_ORDER} {ADDED_LANGUAGES}".split())
# Languages of BLOOM's pre-training corpus; ht is counted as seen because the Lucky 52 paper does so.
BLOOM_LANGUAGES = "en zh ar bn es fr gu hi id ml mr ne pt sw ta te ur vi xh eu ht"
BASE_LANGUAGES = tuple(BLOOM_LANGUAGES.split())
# English and the Wikipedias of LLaMA's corpus (arXiv 2302.13971, section 2.1); the world has no ca, da, hu, sr
WIKIPEDIAS = "en bg cs de es fr hr it nl pl pt ro ru sl sv uk"
LLAMA_LANGUAGES = tuple(WIKIPEDIAS.split())


@dataclass(frozen=True)
class WorldSettings:
    """The settings of one world; the defaults are the embedded world of the default run."""

    seed: int = 1
    languages: tuple[str, ...] = LANGUAGES
    base_languages: tuple[str, ...] = BASE_LANGUAGES
    llama_languages: tuple[str, ...] = LLAMA_LANGUAGES

    # Words. The rates were chosen so that es-pt share two thirds of their forms, en-de half, en-hi a third.
    replacement_per_branch: float = 0.05  # a word is replaced at a node of the family tree
    replacement_in_language: float = 0.03  # a word is replaced in the language itself
    sound_change_rate: float = 0.015  # a node or language applies one regular change: word tokens make it a full loss
    loan_rate: float = (
        0.1  # a word is borrowed; with 0.15 languages without a tuned relative gained up to 0.02 on XCOPA
    )
    loan_distance_km: float = 1000.0  # from a language at distance d with weight exp(-d / this)
    adaptation_rate: float = 0.1  # a form is fitted to the language's sounds
    third_syllable_rate: float = 0.6  # with 0.25, 8 % of the words of a new language are false friends; so 2 %
    final_consonant_rate: float = 0.2

    # Facts. Storylines are cyclic, so that no event is first or last; two of them mirror each other in pairs.
    storylines: int = 8  # even
    events_per_storyline: int = 6  # at least 5: a cloze item tells four events and asks for the fifth
    agents: int = 12  # a multiple of storylines / 2: each is free to do everything in one pair of storylines
    objects_per_adjective: int = 3
    places: int = 10
    object_rate: float = 0.7  # an event has an object, otherwise a place
    held_out_rounds: int = 3  # held-out agents per event; 3 of 12 keeps a quarter of all (agent, event) pairs for tests

    # Texts for pre-training and replay
    documents_per_base_language: int = 3800  # 21 languages x 3,800 x 14 tokens = 1.1 million tokens: a base in 90 s
    document_noise: float = 0.35  # an event of a document is replaced by a random one: else the base saturates
    translation_rate: float = 0.1  # a document is a sentence in two languages

    # Instruction data, parallel across languages
    instruction_rows: int = 2000  # a mixture takes 400 of them, or shares a fixed budget of 8,000 among four languages

    # Open questions, parallel across languages
    questions: int = 100  # a study takes the first of them; 144 held-out pairs answer a "why" and a "then" each

    @property
    def corpora(self) -> dict[str, tuple[str, ...]]:
        """Return the languages of each corpus of texts, by its folder; no text of a corpus holds another language."""
        llama = tuple(code for code in self.llama_languages if code in self.languages)
        return {"texts": self.base_languages, "texts-llama": llama}


SIZES = ("default", "small", "tiny")


def world_name(size: str, seed: int) -> str:
    """Return the name of a world: its folder, and the ending of everything that comes from it."""
    return f"w{seed}" if size == "default" else f"w{seed}-{size}"


def settings_of_size(size: str, seed: int) -> WorldSettings:
    """Return the settings of a size: `default`, or with few texts and rows for tests `small` and `tiny`."""
    default = WorldSettings(seed=seed)
    if size == "default":
        return default
    if size == "tiny":
        # all languages, so that every benchmark is whole; few of them pre-trained on, so that a base takes seconds
        return replace(
            default,
            base_languages=("en", "zh", "es", "hi"),
            llama_languages=("en", "es", "de", "ru"),
            documents_per_base_language=2500,
            instruction_rows=400,
        )
    if size == "small":
        # as few languages pre-trained on, but enough of them that the planted effects are there
        tiny = settings_of_size("tiny", seed)
        return replace(tiny, documents_per_base_language=5000, instruction_rows=1500)
    raise InputError(f"size: '{size}' is unknown; allowed: {', '.join(SIZES)}{nearest(size, SIZES)}")
