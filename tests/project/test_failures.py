"""What a disk, a pipe or an interrupt does to a command is one line with the right status; a defect is a traceback."""

from __future__ import annotations

import errno
import gzip
import json
import os
import resource
import signal
import stat
import subprocess
import sys
import time

import numpy as np
import pytest

from polytune.cli import one_line_failures
from polytune.errors import InputError
from polytune.files import atomic_directory, atomic_path, explain_failure, write_json, write_text

MANY = [{"id": str(i), "instruction": f"say {i}", "input": "", "output": os.urandom(40).hex()} for i in range(2_000)]


def polytune(*arguments, code: str = "", **options):
    call = [sys.executable, "-c", f"import sys; {code}\nfrom polytune.cli import main; main()"]
    return subprocess.run([*call, *map(str, arguments)], capture_output=True, text=True, **options)


def small_files():
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, 40_000))


# --- a disk that is full: a limit on the size of files stands for it, which every writer meets in the same way ---


def write_numbers(path):
    np.arange(100_000).tofile(path)


def write_array(path):
    with open(path, "wb") as stream:
        np.save(stream, np.arange(100_000))


def write_parquet(path):
    import pyarrow
    import pyarrow.parquet

    pyarrow.parquet.write_table(pyarrow.table({"a": np.random.default_rng(0).random(100_000)}), path)


def write_tensors(path):
    import torch
    from safetensors.torch import save_file

    save_file({"a": torch.zeros(100_000)}, path)


def write_checkpoint(path):
    import torch

    torch.save(torch.zeros(100_000), path)


def write_tokenizer(path):
    from tokenizers import Tokenizer, models

    words = {f"word number {i}": i for i in range(5_000)}
    Tokenizer(models.WordLevel(words, unk_token="word number 0")).save(str(path))


def write_archive(path):
    with gzip.open(path, "wb") as stream:
        stream.write(os.urandom(500_000))


WRITERS = [
    write_numbers, write_array, write_parquet, write_tensors, write_checkpoint, write_tokenizer, write_archive,
    lambda path: path.write_text("x" * 500_000),
]  # fmt: skip


@pytest.fixture
def only_small_files():
    """Limit this process; the soft limit can be taken back, so no fork is needed (of a process with threads)."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("write", WRITERS)
@pytest.mark.parametrize("whole", [atomic_path, atomic_directory])
def test_what_cannot_be_written_to_its_end_is_one_line_and_leaves_nothing(tmp_path, only_small_files, write, whole):
    target = tmp_path / "out" / "result"
    with pytest.raises(InputError) as raised, whole(target) as temporary:
        write(temporary / "part" if whole is atomic_directory else temporary)
    line = str(raised.value)
    assert line.startswith(f"{target}: ") and "\n" not in line and ".partial" not in line, line
    assert "limit on the size of a file" in line, line
    assert list(target.parent.iterdir()) == []


def test_steps_end_in_one_line(tmp_path):
    (tmp_path / "en.json").write_text(json.dumps(MANY))
    arguments = ["read-source", "--file", tmp_path / "en.json", "--kind", "bactrian-x"]
    arguments += ["--output", tmp_path / "en.parquet", "--report", tmp_path / "r.json"]
    done = polytune(*arguments, preexec_fn=small_files)
    assert done.returncode == 1
    limit = "the limit on the size of a file is reached; raise it (ulimit -f)"
    assert done.stderr == f"polytune read-source: {tmp_path}/en.parquet: {limit}\n"
    assert [path.name for path in tmp_path.iterdir()] == ["en.json"]
    assert polytune(*arguments).returncode == 0


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_log_on_a_full_disk_is_one_line():
    with open("/dev/full", "w") as full:
        call = [sys.executable, "-m", "polytune.cli", "--help"]
        done = subprocess.run(call, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("polytune: the disk is full; free space, or move") and done.stderr.count("\n") == 1


def test_paths_that_cannot_be_are_one_line(tmp_path):
    (tmp_path / "en.json").write_text(json.dumps(MANY[:3]))
    (tmp_path / "file").write_text("")
    for output, words in [
        (tmp_path, f"{tmp_path}: is a directory, expected a file"),
        (tmp_path / "file" / "x" / "en.parquet", "a part of this path is a file, expected a directory"),
        (tmp_path / ("x" * 300), "a name in this path is longer than the disk allows"),
        ("/proc/en.parquet", "/proc/en.parquet: no such file or directory"),
    ]:
        arguments = ["--file", tmp_path / "en.json", "--kind", "alpaca", "--output", output]
        done = polytune("read-source", *arguments, "--report", tmp_path / "r.json")
        assert (done.returncode, done.stderr.count("\n")) == (1, 1), done.stderr
        assert words in done.stderr


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (
            OSError(errno.ENOSPC, "No space left on device"),
            "/r/x: the disk is full; free space, or move storage.results",
        ),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "/r/x: the quota on this disk is used up"),
        (OSError(errno.EROFS, "Read-only file system", "/r/.x.1.partial"), "/r/x: the disk is read-only"),
        (PermissionError(errno.EACCES, "Permission denied", "/other"), "/other: permission denied; ask its owner"),
        (OSError(errno.EMFILE, "Too many open files", "/r/y"), "/r/y: too many files are open; raise the limit"),
        (OSError(errno.EACCES, "denied", "/r/.x.1.partial", None, "/r/x"), "/r/x: permission denied"),
        (OSError("100 requested and 8 written"), "/r/x: was not written to its end: the disk is full, a quota"),
        (Exception("No space left on device (os error 28)"), "/r/x: the disk is full"),
    ],
)
def test_causes_and_remedies(error, words):
    assert explain_failure(error, "/r/x", "/r/.x.1.partial").startswith(words)


@pytest.mark.parametrize("error", [ValueError("x"), OSError("x"), OSError(errno.EINVAL, "x"), KeyError("No space")])
def test_a_defect_is_not_explained_away(error):
    assert explain_failure(error, "/r/x") is None


# --- how a command ends ---


@pytest.mark.parametrize(
    ("error", "status", "words"),
    [
        ("KeyboardInterrupt()", 130, ""),
        ("BrokenPipeError()", 141, ""),
        (
            "MemoryError('Unable to allocate 9 TiB')",
            1,
            "not enough memory (Unable to allocate 9 TiB); give the job more",
        ),
        ("RecursionError()", 1, "something that was read is nested too deeply"),
        ("FileNotFoundError(2, 'x', '/gone')", 1, "/gone: no such file or directory"),
        ("OSError(28, 'x')", 1, "the disk is full"),
    ],
)
def test_endings(error, status, words):
    code = f"import polytune.config.reference as r\ndef fail(): raise {error}\nr.render = fail"
    done = polytune("write-reference", "--check", code=code)
    assert done.returncode == status
    assert done.stderr.count("\n") == bool(words) and words in done.stderr


@pytest.mark.parametrize("error", ["ValueError('a defect')", "EOFError()", "OSError(22, 'Invalid argument')"])
def test_a_defect_keeps_its_traceback(error):
    code = f"import polytune.config.reference as r\ndef fail(): raise {error}\nr.render = fail"
    done = polytune("write-reference", "--check", code=code)
    assert done.returncode == 1 and "Traceback" in done.stderr and "in fail" in done.stderr
    assert "Aborted" not in done.stderr + done.stdout


def test_an_interrupt_is_quiet():
    code = (  # a shell's background job begins with the signal ignored
        "import polytune.config.reference as r, signal, time\n"
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "r.render = lambda: (print('up', flush=True), time.sleep(60))"
    )
    call = [sys.executable, "-c", f"import sys; {code}\nfrom polytune.cli import main; main()", "write-reference"]
    process = subprocess.Popen(call, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "up\n"
    time.sleep(0.2)
    process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[1] == "" and process.returncode == 130


def test_a_reader_that_leaves_is_no_error(tmp_path):
    script = f"{sys.executable} -m polytune.cli --help | head -n 1; echo ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True)
    first, status = done.stdout.splitlines()
    assert first.startswith("Usage: polytune") and status in ("0", "141") and done.stderr == ""


def test_words_of_the_command_line_stay():
    done = polytune("read-source", "--fil", "x")
    assert done.returncode == 2 and done.stderr.startswith("polytune read-source: no such option: --fil")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (("export", "--format", "x"), "polytune export: --format is 'x'; it must be one of 'eee', 'model-index'\n"),
        (("completion", "tcsh"), "polytune completion: shell is 'tcsh'; it must be one of 'bash', 'zsh', 'fish'\n"),
        (("build-world", "--seed", "abc"), "polytune build-world: --seed: input should be a valid integer"),
        (("train",), "polytune train: missing option '--spec'\n"),
    ],
)
def test_a_wrong_option_is_one_line_in_our_words(call, words):
    done = polytune(*call)
    assert done.returncode == 2 and done.stdout == ""
    assert done.stderr.startswith(words) and done.stderr.count("\n") == 1


def test_status_and_exits_of_a_command_pass_through():
    with pytest.raises(SystemExit, match="3"), one_line_failures("polytune x"):
        sys.exit(3)


# --- modes of what is written ---


@pytest.mark.parametrize(("umask", "file_mode", "folder_mode"), [(0o022, 0o644, 0o755), (0o002, 0o664, 0o775)])
def test_the_umask_decides_who_may_read(tmp_path, umask, file_mode, folder_mode):
    before = os.umask(umask)
    try:
        write_json(tmp_path / "new" / "x.json", {})
        with atomic_directory(tmp_path / "folder") as folder:
            write_text(folder / "x.txt", "")
    finally:
        os.umask(before)
    modes = [stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("new/x.json", "folder/x.txt", "new", "folder")]
    assert modes == [file_mode, file_mode, folder_mode, folder_mode]


def test_a_file_inside_a_folder_is_named_by_where_it_will_lie(tmp_path):
    with (
        pytest.raises(InputError, match=f"^{tmp_path}/d/x: stands where something else"),
        atomic_directory(tmp_path / "d") as d,
    ):
        (d / "x").write_text("")
        write_text(d / "x" / "y", "")


def test_an_error_inside_leaves_the_old_whole_and_nothing_else(tmp_path):
    for _ in range(2):
        with atomic_directory(tmp_path / "d") as folder:
            (folder / "a").write_text("old")
        write_text(tmp_path / "f", "old")
    with pytest.raises(ValueError, match="defect"), atomic_directory(tmp_path / "d") as folder:
        (folder / "a").write_text("new")
        raise ValueError("defect")
    with pytest.raises(ValueError, match="defect"), atomic_path(tmp_path / "f") as temporary:
        temporary.write_text("new")
        raise ValueError("defect")
    assert (tmp_path / "d/a").read_text() == (tmp_path / "f").read_text() == "old"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["d", "f"]


def test_a_link_to_a_folder_elsewhere_is_replaced(tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "d").symlink_to(tmp_path / "elsewhere")
    with atomic_directory(tmp_path / "d") as folder:
        (folder / "a").write_text("new")
    assert (tmp_path / "d/a").read_text() == "new" and list((tmp_path / "elsewhere").iterdir()) == []


def test_a_name_of_the_greatest_length_can_be_written(tmp_path):
    for name in ("x" * 255, "語" * 85):
        write_text(tmp_path / name, "y")
        assert (tmp_path / name).read_text() == "y"
