"""Tables that came back from a spreadsheet or an editor."""

from __future__ import annotations

import pytest

from polytune.errors import InputError
from polytune.readers.tables import read_tsv

ROWS = [{"name": "a", "size": "1", "note": 'he said "x"'}, {"name": "b", "size": "", "note": "-"}]
PLAIN = '# a comment\nname\tsize\tnote\na\t1\the said "x"\nb\t\t-\n'


@pytest.mark.parametrize(
    "content",
    [
        PLAIN,
        "\ufeff" + PLAIN,
        PLAIN.replace("\n", "\r\n"),
        PLAIN.replace("\n", "\r"),
        PLAIN.replace('he said "x"', '"he said ""x"""'),
        PLAIN.replace("\ta\t", "\ta \t").replace("a\t1", "a \t 1").replace("\n", " \n"),
        PLAIN.replace("note\n", "note\t\t\n").replace('"x"\n', '"x"\t\t\n').replace("-\n", "-\t\t\n"),
        PLAIN.replace("a\t1", "\n# more\n   \na\t1") + "\n\n",
    ],
)
def test_spreadsheets_and_editors_change_nothing(tmp_path, content):
    (tmp_path / "t.tsv").write_bytes(content.encode())
    assert read_tsv(tmp_path / "t.tsv", ["note", "name", "size"]) == ROWS


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("a\t1\t", "a\t", r"row 1 \(a\) has a wrong number of columns: 2, the header has 3"),
        ("b\t", "b\t\t\t", r"row 2 \(b\) has a wrong number of columns: 5"),
        ("b\t\t-", "name\tsize\tnote", r"row 2 \(name\) repeats the header"),
        ("b\t\t-", "a\t\t-", "name 'a' stands in two rows"),
        ("b\t\t-", "\t\t-", r"row 2 \(\): name is empty"),
        ("size\tnote", "note\tnote", "the column 'note' stands twice in the header"),
        ("a\t1", '"a\t1', r"line 3: a quote that begins a cell must end it"),
        ("a\t1", '"a"b\t1', "line 3: a quote that begins a cell must end it"),
        ('a\t1\the said "x"\nb\t\t-\n', "", "the table has no rows$"),
        (PLAIN, "", "the table has no rows, not even a header"),
        ("size", "sise", "the columns are name, sise, note; they must be name, size, note; did you mean 'size'"),
        ("\tnote", "", "the columns are name, size; they must be name, size, note"),
    ],
)
def test_faults_have_file_and_row(tmp_path, old, new, message):
    assert old in PLAIN
    (tmp_path / "t.tsv").write_text(PLAIN.replace(old, new, 1))
    with pytest.raises(InputError, match=rf"t\.tsv: {message}"):
        read_tsv(tmp_path / "t.tsv", ["name", "size", "note"])
