"""Text files as they come from other machines and half-finished downloads."""

from __future__ import annotations

import gzip
import os

import pytest

from polytune.errors import InputError
from polytune.readers.text import first_bytes, read_text

TEXT = "eins\nzwei Ä 日本\n"
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"a" * 64 + b"\nsize 12345678\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
@pytest.mark.parametrize("packed", [False, True])
def test_marks_and_compression_are_taken_off(tmp_path, encoding, packed):
    path = tmp_path / ("x.txt.gz" if packed else "x.txt")
    path.write_bytes(gzip.compress(TEXT.encode(encoding)) if packed else TEXT.encode(encoding))
    assert read_text(path) == TEXT


def test_big_endian_marks_count_too(tmp_path):
    (tmp_path / "x").write_bytes(b"\xfe\xff" + TEXT.encode("utf-16-be"))
    assert read_text(tmp_path / "x") == TEXT


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("x.json", gzip.compress(TEXT.encode()), "is compressed with gzip although its name does not end in .gz"),
        ("x.json.gz", TEXT.encode(), "is not compressed although its name ends in .gz"),
    ],
    ids=["unnamed", "uncompressed"],  # the time in an archive would make another name in each worker
)
def test_a_name_that_says_something_else_is_read_and_said(tmp_path, capsys, name, content, said):
    (tmp_path / name).write_bytes(content)
    assert read_text(tmp_path / name) == TEXT
    assert f"{tmp_path / name}: {said}" in capsys.readouterr().err


def test_members_of_an_archive_are_joined(tmp_path):
    (tmp_path / "x.gz").write_bytes(gzip.compress(b"a\n") + gzip.compress(b"b\n"))
    assert read_text(tmp_path / "x.gz") == "a\nb\n"


WHOLE = gzip.compress(os.urandom(5_000))
BROKEN = {
    "cut": WHOLE[:3_000],
    "no end": WHOLE[:-8],
    "a byte changed": WHOLE[:100] + bytes([WHOLE[100] ^ 1]) + WHOLE[101:],
    "header only": WHOLE[:6],
    "rubbish behind": gzip.compress(b"a") + b"rubbish",
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_archive_is_refused(tmp_path, content):
    (tmp_path / "x.gz").write_bytes(content)
    with pytest.raises(InputError, match=r"x\.gz: not a readable gzip file, it is corrupt or cut: .*copy or fetch it"):
        read_text(tmp_path / "x.gz")


def test_an_archive_that_unpacks_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("polytune.readers.text.FREE_EXPANSION_BYTES", 1 << 20)
    (tmp_path / "x.gz").write_bytes(gzip.compress(b" " * (1 << 25)))
    with pytest.raises(InputError, match="unpacks to more than 200 times its size"):
        read_text(tmp_path / "x.gz")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (POINTER, "is a Git LFS pointer, not the file itself: run git lfs pull"),
        (b"/annex/objects/SHA256E-s3--aaa.json\n", "is a git-annex pointer"),
        (b"one\ntwo\nthr\xffee\n", r"invalid UTF-8 in line 3 \(byte 11\); save the file as UTF-8"),
        (b"\xff\xfea\x00b", r"invalid UTF-16-LE in line 1 \(byte 4\)"),
        ("a\nb".encode("utf-16-le"), "a NUL character in line 1: .*UTF-16 without its byte order mark"),
        (b"good line\n" + bytes(512), "a NUL character in line 2: no text, cut by a crash"),
        (b"PK\x03\x04\xff\xff", "is a zip archive, expected text"),
        (b"\x28\xb5\x2f\xfd\xff", "is a zstandard archive, expected text"),
    ],
)
def test_what_is_no_text_is_named(tmp_path, content, message):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(InputError, match=f"x: {message}"):
        read_text(tmp_path / "x")


def test_a_pointer_is_refused_before_anything_else_is_read(tmp_path):
    (tmp_path / "model.safetensors").write_bytes(POINTER)
    with pytest.raises(InputError, match="a Git LFS pointer"):
        first_bytes(tmp_path / "model.safetensors", 8)


def test_what_is_no_file_is_named(tmp_path):
    (tmp_path / "link").symlink_to("nowhere")
    os.mkfifo(tmp_path / "pipe")
    for path, message in [
        (tmp_path / "none", "none: no such file"),
        (tmp_path, "is a directory, expected a file"),
        (tmp_path / "link", "link: is a link to nowhere, where no file is"),
        (tmp_path / "pipe", "pipe: is no regular file"),
        (tmp_path / "none" / "x", "x: no such file"),
        (tmp_path / ("x" * 300), "File name too long"),
        ("a\0b", "not a path of a file|no such file"),
    ]:
        with pytest.raises(InputError, match=message):
            read_text(path)


def test_an_empty_file_is_an_empty_text(tmp_path):
    for name in ("x.json", "x.json.gz"):
        (tmp_path / name).write_bytes(b"")
        assert read_text(tmp_path / name) == ""
