"""The tables of language identifiers and of their labels."""

import pytest

from polytune.config.identifiers import codes_of, find_identifier, identifiers, read_identifiers
from polytune.errors import InputError
from polytune.languages.codes import languages


def test_every_identifier_has_a_label_for_every_language():
    assert list(identifiers()) == ["exact", "openlid", "glotlid", "py3langid"]
    for row in identifiers().values():
        codes = codes_of(row)
        assert set(codes.values()) == (set() if row.backend == "world" else set(languages())), row.identifier


def test_openlids_labels_are_the_flores_codes_and_those_of_varieties():
    codes = codes_of(find_identifier("openlid", "test"))
    assert {codes[row.flores] for row in languages().values()} == set(languages())
    assert codes["nob_Latn"] == codes["nno_Latn"] == "no"
    assert codes["zho_Hans"] == codes["zho_Hant"] == "zh" and codes["arz_Arab"] == "ar"
    assert "azb_Arab" not in codes and "zsm_Latn" not in codes


def test_py3langid_has_the_labels_of_the_table():
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    labels = set(LanguageIdentifier.from_model_file(MODEL_FILE).labels)
    assert set(codes_of(find_identifier("py3langid", "test"))) <= labels


def test_mistakes_are_input_errors(tmp_path):
    with pytest.raises(InputError, match=r"identification: 'openlit' is not in .*did you mean 'openlid'"):
        find_identifier("openlit", "identification")
    table = tmp_path / "codes.tsv"
    table.write_text("language\topenlid\nno\tnob_Latn\nsv\tswe_Latn nob_Latn\n")
    with pytest.raises(InputError, match="language 'sv': openlid: label 'nob_Latn' is already no's"):
        codes_of(find_identifier("openlid", "test"), table)
    with pytest.raises(InputError, match="no column 'glotlid'"):
        codes_of(find_identifier("glotlid", "test"), table)
    rows = tmp_path / "identifiers.tsv"
    rows.write_text("identifier\ttitle\tbackend\tlocation\tfile\trevision\tlicence\na\tA\tfasttext\tb/c\t-\t-\tMIT\n")
    with pytest.raises(InputError, match="file is empty; fasttext needs a model file"):
        read_identifiers(rows)
