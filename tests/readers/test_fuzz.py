"""Ten thousand broken files: each is read or refused in one line that names it, quickly and in little memory."""

from __future__ import annotations

import gzip
import json
import random
import resource
import time

import pytest

from polytune.config.tables import Base, read_rows
from polytune.data.rows import read_rows as read_source_rows
from polytune.data.templates import read_templates
from polytune.errors import InputError
from polytune.prompts.layouts import read_prompt_file
from polytune.readers.json import read_json
from polytune.readers.records import read_records
from polytune.readers.tables import read_tsv
from polytune.readers.yaml import read_front_matter, read_yaml

ROUNDS = 1_000  # of each of the fifteen kinds of file below
ROWS = [
    {"id": f"id-{i}", "instruction": f"Grüße {i}?", "input": "" if i % 2 else "eins\nzwei", "output": f'"{i}", sagt er'}
    for i in range(8)
]
SPLICES = [
    b"\x00", b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b'"', b"'", b"\\", b"{", b"}", b"[", b"]", b",", b":", b"\n", b"\r",
    b"\t", b"\n\n", b"NaN", b"-Infinity", b"1e999", b"null", b"true", b"-", b"9" * 30, b"9" * 5000, b"[" * 3000,
    b'{"a":' * 3000, b"\\ud800", b"\\u0000", b'"id": 1, "id": 1', b"\xe2\x80\xa8", b"#", b"---\n", b"...\n", b"- ",
    b"&a ", b"*a", b"<<: ", b"!!python/name:os.system ", b"!t ", b"? ", b"| \n", b"> \n", b"%YAML 9.9\n", b"010",
    b"1:04", b"{" * 200, b"'" * 50, b"\x1f\x8b\x08", b"PAR1", b"version https://git-lfs.github.com/spec/v1\n",
    b"\t" * 40,
]  # fmt: skip
TABLE = (
    "# bases\nbase\tarchitecture\tlocation\ttokenizer\tlicence\trevision\tparameters\tlayers\thidden\t"
    "trusts_remote_code\tpretraining_languages\tcounted_as_seen\ttemplate\tnotes\n"
    'a\tdecoder\tx/a\tt\tmit\t-\t12\t3\t4\tfalse\ten zh\t-\tchat\t"so ""so"""\n'
    "b-1\tencoder-decoder\tx/b\tt\tmit\tabc\t-\t-\t-\tno\tde\teu\t-\t-\n"
)
YAML = """# a study
study: lucky
numbers: [1, 2.5, 3e-5, 0x1F, no, ~, "010", 2024-01-01]
base: &base {rows: all, text: 'it''s'}
other:
  <<: *base
  rows: 3
  long: |
    two
    lines
list:
- {a: *base}
- - 1
  - "x\\u00e9"
"""
TEMPLATES = """world: {with_input: "{instruction} {input}", without_input: "{instruction}", response: " {output}"}
other:
  with_input: "{instruction}\\n{input}"
  without_input: "{instruction}"
  response: "{output}"
"""


def parquet() -> bytes:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.table(
        {
            **{name: [row[name] for row in ROWS] for name in ROWS[0]},
            "numbers": pyarrow.array(range(8), pyarrow.uint64()),
            "nested": [{"a": [1, None], "b": "x"}] * 8,
            "kind": pyarrow.array(["x", "y"] * 4).dictionary_encode(),
        }
    )
    sink = pyarrow.BufferOutputStream()
    pyarrow.parquet.write_table(table, sink, compression="snappy", write_page_checksum=False)
    return sink.getvalue().to_pybytes()


def lines() -> bytes:
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS).encode()


def questions() -> bytes:
    rows = [
        {
            "question_id": f"{i}_DE",
            "category": "x",
            "turns": ["Grüße?", "Und?"][: 1 + i % 2],
            "reference": ["a", ""][: i % 2 * 2],
        }
        for i in range(8)
    ]
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows).encode()


def separated(delimiter: str) -> bytes:
    quoted = [
        ['"' + str(cell).replace('"', '""') + '"' for cell in cells] for cells in [ROWS[0], *map(dict.values, ROWS)]
    ]
    return "\n".join(delimiter.join(cells) for cells in quoted).encode()


def records(path):
    return list(read_records(path))


def source(path):
    return read_source_rows(path, "bactrian-x", largest_dropped_share=1)


CASES = {
    "list.json": (lambda: json.dumps(ROWS, indent=1).encode(), records),
    "wrapped.json": (lambda: json.dumps({"data": ROWS}).encode(), records),
    "rows.jsonl": (lines, source),
    "rows.jsonl.gz": (lambda: gzip.compress(lines(), mtime=0), source),
    "wide.json": (lambda: json.dumps(ROWS).encode("utf-16"), records),
    "rows.parquet": (parquet, source),
    "rows.csv": (lambda: separated(","), records),
    "rows.tsv": (lambda: separated("\t"), records),
    "questions.jsonl": (questions, lambda path: read_prompt_file(path, "fastchat", "de")),
    "config.json": (lambda: json.dumps({"a": [1, 2.5, {"b": None}], "c": "d"}).encode(), read_json),
    "table.tsv": (TABLE.encode, read_tsv),
    "bases.tsv": (TABLE.encode, lambda path: read_rows(path, Base)),
    "study.yaml": (YAML.encode, read_yaml),
    "templates.yaml": (TEMPLATES.encode, read_templates),
    "README.md": (lambda: f"---\n{YAML}---\n# Title\n".encode(), read_front_matter),
}


def mutate(content: bytes, draw: random.Random) -> bytes:
    """Return the content with one to four changes: bytes flipped, cut, doubled, moved, or something odd put in."""
    changed = bytearray(content)
    for _ in range(draw.choice((1, 1, 2, 4))):
        start = draw.randrange(len(changed) + 1)
        end = min(len(changed), start + draw.choice((1, 1, 3, 20, 200)))
        kind = draw.randrange(6)
        if kind == 0 and start < len(changed):
            changed[start] ^= 1 << draw.randrange(8)
        elif kind == 1:
            del changed[start:end]
        elif kind == 2:
            changed[start:start] = changed[start:end]
        elif kind == 3:
            part = changed[start:end]
            del changed[start:end]
            position = draw.randrange(len(changed) + 1)
            changed[position:position] = part
        elif kind == 4:
            changed[start:start] = draw.choice(SPLICES)
        elif draw.random() < 0.1:
            del changed[start:]
    return bytes(changed)


@pytest.mark.parametrize("name", CASES)
def test_a_broken_file_is_read_or_refused_in_one_line(name, tmp_path, capsys):
    make, read = CASES[name]
    whole, path, draw = make(), tmp_path / name, random.Random(name)
    path.write_bytes(whole)
    assert read(path)  # what is broken below is in order
    kinds, slowest = {"read": 0, "refused": 0}, 0.0
    for number in range(ROUNDS):
        broken = mutate(whole, draw)
        path.write_bytes(broken)
        begin = time.perf_counter()
        try:
            read(path)
            kinds["read"] += 1
        except InputError as error:
            kinds["refused"] += 1
            assert str(path) in str(error) and "\n" not in str(error).replace(str(path), ""), (number, broken)
            assert len(str(error)) < 2_000, (number, broken)
        except BaseException as error:
            raise AssertionError(f"{name}, round {number}: {broken!r}") from error
        slowest = max(slowest, time.perf_counter() - begin)
    assert kinds["refused"] > ROUNDS / 10, kinds  # the changes do break it
    assert slowest < 10, slowest
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 4_000_000, "kilobytes"
