"""Text files as they come: compressed or not, with or without a byte order mark, and what only looks like one."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from pathlib import Path

from polytune.errors import InputError

GZIP = b"\x1f\x8b"
# UTF-32's mark begins with UTF-16's, so it is looked for first
MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
POINTERS = {
    b"version https://git-lfs.github.com/spec/": "a Git LFS pointer, not the file itself: run git lfs pull",
    b"/annex/objects/": "a git-annex pointer, not the file itself: run git annex get",
}
"""First bytes of files that stand for another one which was not fetched."""

LONGEST_MARK = max(map(len, POINTERS))

BINARY = {
    GZIP: "a gzip archive (compressed twice?)",
    b"PAR1": "a parquet file",
    b"PK\x03\x04": "a zip archive",
    b"BZh": "a bzip2 archive",
    b"\xfd7zXZ\x00": "an xz archive",
    b"\x28\xb5\x2f\xfd": "a zstandard archive",
    b"ARROW1": "an Arrow file",
}
"""First bytes of files that are no text, to say what they are."""

BLOCK_BYTES = 1 << 24
LARGEST_EXPANSION = 200  # times; real data unpacks to about 3 to 20 times its size
FREE_EXPANSION_BYTES = 1 << 28  # below this size any expansion is harmless


def read_text(path: Path | str) -> str:
    """Return the text of a file: gzip is unpacked, a byte order mark (UTF-8, 16 or 32) obeyed and removed.

    An empty file is an empty text. Raises `InputError` for a file that is missing, no regular file, a pointer of Git
    LFS, a broken archive, no UTF-8 (with the line) or that holds NUL characters.
    """
    raw = read_bytes(path)
    encoding, start = "utf-8", 0
    for mark, name in MARKS:
        if raw.startswith(mark):
            encoding, start = name, len(mark)
            break
    try:
        text = (raw[start:] if start else raw).decode(encoding)
    except UnicodeDecodeError as error:
        for first, what in BINARY.items():
            if raw.startswith(first):
                raise InputError(f"{path}: is {what}, expected text") from None
        line = raw.count(b"\n", 0, start + error.start) + 1
        raise InputError(
            f"{path}: invalid {encoding.upper()} in line {line} (byte {start + error.start}); save the file as UTF-8"
        ) from None
    if (position := text.find("\0")) >= 0:
        line = text.count("\n", 0, position) + 1
        raise InputError(
            f"{path}: a NUL character in line {line}: no text, cut by a crash, or UTF-16 without its byte order mark; "
            "save the file as UTF-8"
        )
    return text


def read_bytes(path: Path | str) -> bytes:
    """Return the content of a file, unpacked if it is compressed with gzip; raises `InputError` as `read_text`."""
    raw = first_bytes(path)
    path = Path(path)
    named = path.suffix == ".gz"
    if not raw.startswith(GZIP):
        if named and raw:
            say(f"{path}: is not compressed although its name ends in .gz; read as it is")
        return raw
    if not named:
        say(f"{path}: is compressed with gzip although its name does not end in .gz; unpacked")
    return _unpack(raw, path)


def first_bytes(path: Path | str, count: int = -1) -> bytes:
    """Return the first bytes of a file as they are, all by default.

    Raises `InputError` for a file that cannot be read or is only a pointer to itself: weights, for instance, whose
    readers call this first.
    """
    path = Path(path)
    try:
        if not path.is_file():
            raise InputError(f"{path}: {_what_is_there(path)}")
        with open(path, "rb") as stream:
            raw = stream.read(max(count, LONGEST_MARK) if count >= 0 else count)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    except ValueError:  # a NUL character in the path
        raise InputError(f"{str(path)!r}: not a path of a file") from None
    for first, what in POINTERS.items():
        if raw.startswith(first):
            raise InputError(f"{path}: is {what}")
    return raw[:count] if count >= 0 else raw


def say(line: str) -> None:
    """Tell the user what was made of an unusual file."""
    print(line, file=sys.stderr)


def _what_is_there(path: Path) -> str:
    if path.is_dir():
        return "is a directory, expected a file"
    if path.is_symlink():
        return f"is a link to {path.readlink()}, where no file is"
    return "is no regular file" if path.exists() else "no such file"


def _unpack(raw: bytes, path: Path) -> bytes:
    blocks, size = [], 0
    try:
        with gzip.GzipFile(fileobj=io.BytesIO(raw)) as stream:
            while block := stream.read(BLOCK_BYTES):
                blocks.append(block)
                size += len(block)
                if size > max(FREE_EXPANSION_BYTES, LARGEST_EXPANSION * len(raw)):
                    raise InputError(f"{path}: unpacks to more than {LARGEST_EXPANSION} times its size: no data does")
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(
            f"{path}: not a readable gzip file, it is corrupt or cut: {error}; copy or fetch it again"
        ) from None
    return b"".join(blocks)
