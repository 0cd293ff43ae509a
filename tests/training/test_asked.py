"""Trained as asked: what each language was asked for, planned and consumed, and what happens where they differ."""

from dataclasses import replace

import pytest

from polytune.data.tokens import TokenStore
from polytune.errors import InputError
from polytune.files import read_json, sha256_file
from polytune.mixtures.manifest import Mixture, Part, Take
from polytune.training import loop, rows, train
from polytune.training.batches import Updates
from tests.cases.training_cases import STABLE, Case, interrupt, random_rows, write_store

LANGUAGES = ("en", "fr")


@pytest.fixture
def case(tmp_path) -> Case:
    return Case(tmp_path, hyperparameters=STABLE).write()


def parts_of(case: Case, name: str = "model") -> dict[str, dict]:
    """Return the manifest's parts by language."""
    return {part["language"]: part for part in read_json(case.root / name / "manifest.json")["parts"]}


def supervised(rows: list[tuple[list[int], list[int]]]) -> int:
    return sum(len(response) for _, response in rows)


def test_the_manifest_says_per_language_what_was_asked_planned_and_consumed(case):
    train.command(**case.options())
    parts = parts_of(case)
    assert list(parts) == list(LANGUAGES)
    for seed, language in enumerate(LANGUAGES):
        counted = {"rows": 2 * 10, "supervised_tokens": 2 * supervised(random_rows(10, seed))}  # two epochs
        assert parts[language] == {
            "source": "test",
            "language": language,
            "cut": {"rows": 10, "partly": 0, "wholly": 0},
            "held_out_rows": 0,
            "asked": {"rows": 20},
            "planned": {**counted, "rows_without_loss": 0},
            "consumed": counted,
        }
    assert read_json(case.root / "model/manifest.json")["spec"] == read_json(case.root / "spec.json")


def test_rows_whose_response_is_cut_away_are_planned_as_such(case):
    case.write_spec(max_length_tokens=9)
    train.command(**case.options())
    for seed, language in enumerate(LANGUAGES):
        kept = [min(9 - len(prompt), len(response)) for prompt, response in random_rows(10, seed) if len(prompt) < 9]
        part = parts_of(case)[language]
        assert 0 < len(kept) < 10
        lost = [len(prompt) + len(response) > 9 for prompt, response in random_rows(10, seed)]
        assert part["cut"] == {"rows": 10, "partly": sum(lost) - (10 - len(kept)), "wholly": 10 - len(kept)}
        assert part["planned"] == {
            "rows": 2 * len(kept),
            "rows_without_loss": 2 * (10 - len(kept)),
            "supervised_tokens": 2 * sum(kept),
        }
        assert part["consumed"] == {"rows": 2 * len(kept), "supervised_tokens": 2 * sum(kept)}


def test_a_language_that_loses_too_many_answers_stops_the_run_before_it_begins(case, capsys):
    case.write_spec(max_length_tokens=9)
    with pytest.raises(
        InputError, match=r"at max_length_tokens 9, test/\w\w: of 10 answers \d+ cut wholly .*largest_cut_share"
    ):
        train.command(**case.options(), largest_cut_share=0.05)
    assert not (case.root / "model").exists()
    assert "test/en: " in capsys.readouterr().out  # said whatever is allowed


def test_half_an_epoch_takes_rows_as_the_order_of_the_run_has_them(case):
    case.write_spec(epochs=1.5)
    train.command(**case.options())
    parts = parts_of(case)
    assert [parts[language]["asked"]["rows"] for language in LANGUAGES] == [15, 15]
    consumed = [parts[language]["consumed"]["rows"] for language in LANGUAGES]
    assert sum(consumed) == 30 and all(10 <= rows <= 20 for rows in consumed)
    assert consumed == [parts[language]["planned"]["rows"] for language in LANGUAGES]


def test_a_resumed_run_has_consumed_what_an_uninterrupted_one_has(case, monkeypatch):
    train.command(**case.options("whole"))
    for update in (1, 3):
        interrupt(case, monkeypatch, update)
    train.command(**case.options())
    assert parts_of(case) == parts_of(case, "whole")


def test_an_update_that_is_computed_again_counts_once(case, monkeypatch):
    import torch

    train.command(**case.options("whole"))
    original = loop.compute_update

    def limited(engine, update):
        loss = original(engine, update)
        if update.micro_batch_tokens > 60:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return loss

    monkeypatch.setattr(loop, "compute_update", limited)
    train.command(**case.options(micro_batch_tokens=200))
    assert parts_of(case) == parts_of(case, "whole")


def test_two_parts_of_one_language_are_counted_together(case):
    """Instructions and replay may take rows of one file."""
    mixture = Mixture.read(case.root / "mixture.json")
    takes = [Take(seed=1, count=6), Take(seed=1, count=3, skip=6)]
    split = [Part("test", "en", take, take.count, "0" * 64) for take in takes]
    replace(mixture, parts=(split[0], mixture.parts[1], split[1])).write(case.root / "mixture.json")
    train.command(**case.options())
    assert list(parts_of(case)) == list(LANGUAGES)
    assert parts_of(case)["en"]["asked"]["rows"] == parts_of(case)["en"]["consumed"]["rows"] == 2 * 9


@pytest.mark.parametrize("found", [{"en": "fr", "fr": "en"}, {"fr": "en"}], ids=["swapped", "one language twice"])
def test_languages_that_are_permuted_behind_the_mixtures_back_are_noticed(found, case, monkeypatch):
    """The lookup of token stores finds another language's store of as many rows: no file is missing, no shape wrong."""
    monkeypatch.setattr(rows, "TokenStore", lambda path: TokenStore(path.with_name(found.get(path.name, path.name))))
    with pytest.raises(InputError, match=r"test/en was not trained as asked: .* No model is written"):
        train.command(**case.options())
    assert not (case.root / "model").exists()


def test_rows_that_are_drawn_in_place_of_others_are_noticed(case, monkeypatch):
    original = Updates.rows_of

    def rows_of(self, number):
        chosen = original(self, number)
        return chosen % 10 if number == 3 else chosen  # English in place of French, once

    monkeypatch.setattr(Updates, "rows_of", rows_of)
    with pytest.raises(InputError, match="test/en was not trained as asked"):
        train.command(**case.options())
    assert not (case.root / "model").exists()


def test_a_language_that_the_mixture_does_not_hold_is_noticed(case, monkeypatch):
    write_store(case.root / "tokens/test/de", random_rows(10, seed=1))
    monkeypatch.setattr(rows, "TokenStore", lambda path: TokenStore(path.with_name(path.name.replace("fr", "de"))))
    with pytest.raises(InputError, match=r"test/fr was not trained as asked: .*, consumed \{'rows': 0,"):
        train.command(**case.options())


@pytest.mark.parametrize("file", ["tokens.bin", "offsets.npy", "keys.npy", "prompt_lengths.npy"])
def test_files_of_a_token_store_that_were_exchanged_are_noticed(file, case):
    one, other = (case.root / "tokens/test" / language / file for language in LANGUAGES)
    write_store(case.root / "tokens/other/fr", random_rows(11, seed=1))
    (case.root / "tokens/other/fr" / file).replace(one)
    with pytest.raises(InputError, match=r"en: its files are not those that index\.json describes"):
        train.command(**case.options())
    assert other.is_file()


def test_tokens_that_are_cut_short_during_the_run_are_noticed(case, monkeypatch):
    original = TokenStore.row
    monkeypatch.setattr(TokenStore, "row", lambda self, number: original(self, number)[:-1])
    with pytest.raises(InputError, match=r"row \d+ has \d+ tokens, \d+ were announced; token stores must not change"):
        train.command(**case.options())


def test_the_order_of_the_parts_alone_decides_the_weights(case):
    """The list of languages does not: a study that permutes them, with parts in a fixed order, trains alike."""
    mixture = Mixture.read(case.root / "mixture.json")
    digests = []
    for changed in (
        mixture,
        replace(mixture, languages=mixture.languages[::-1], sampling="disjoint"),
        replace(mixture, parts=mixture.parts[::-1]),
    ):
        changed.write(case.root / "mixture.json")
        train.command(**case.options())
        digests.append(sha256_file(case.root / "model/model.safetensors"))
    assert digests[0] == digests[1] != digests[2]


def test_the_mixture_is_the_one_that_the_spec_names(case):
    replace(Mixture.read(case.root / "mixture.json"), mixture="test-03").write(case.root / "mixture.json")
    with pytest.raises(InputError, match="the spec's 'mixture' is 'test-02', --mixture is that of 'test-03'"):
        train.command(**case.options())
