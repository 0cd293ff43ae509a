"""Files of a repository on the Hugging Face hub: resumed after an interruption, checked, whole or absent.

The hub's own `snapshot_download` deletes what has come of a file when it is interrupted, and compares sizes, not
checksums; so the files are streamed here, through the public functions that it is built from.
"""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
import time
from collections.abc import Iterable
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from polytune.errors import InputError
from polytune.files import sha256_file
from polytune.progress import track

if TYPE_CHECKING:
    from huggingface_hub.hf_api import RepoSibling

PARTIAL = ".partial"
CHUNK_BYTES = 2**20
ATTEMPTS = 5  # at a file whose connection breaks; each goes on where the one before stopped
TIMEOUT_SECONDS = 60.0  # without a byte


@dataclass(frozen=True)
class Repository:
    """A repository at one commit; `kind` is `model` or `dataset`.

    Its large files (LFS) have a SHA-256 (`file.lfs.sha256`), small ones the SHA-1 of git (`file.blob_id`).
    """

    kind: str
    name: str
    commit: str
    files: tuple[RepoSibling, ...]

    def select(self, needed: Iterable[str], welcome: Iterable[str], where: str) -> list[RepoSibling]:
        """Return the files that fit any of the patterns; each needed one must fit a file, or it is an `InputError`."""
        for pattern in needed:
            if not any(fits(file.rfilename, pattern) for file in self.files):
                listed = ", ".join(file.rfilename for file in self.files[:12])
                raise InputError(f"{where}: {self.name} at {self.commit} has no file '{pattern}'; it has {listed}, ...")
        patterns = (*needed, *welcome)
        return [file for file in self.files if any(fits(file.rfilename, pattern) for pattern in patterns)]


def fits(path: str, pattern: str) -> bool:
    """Return whether a path fits a pattern whose `*` stands for anything but a slash."""
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


@contextmanager
def one_line(where: str, remedy: str):
    """Turn what the hub and the network raise into an `InputError`."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError

    try:
        yield
    except (HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        said = str(error).strip().splitlines() or [type(error).__name__]
        raise InputError(f"{where} ({said[0]}); {remedy}") from None


def find_repository(kind: str, name: str, revision: str | None, where: str) -> Repository:
    """Return a repository at `revision` (None: the newest), resolved to a commit; `where` names the row that asks."""
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError, RevisionNotFoundError

    with one_line(f"{where}: the hub does not answer", "prefetch where there is a network, e.g. on the login node"):
        try:
            found = HfApi().repo_info(name, repo_type=kind, revision=revision, files_metadata=True)
        except GatedRepoError:
            page = f"https://huggingface.co/{'datasets/' * (kind == 'dataset')}{name}"
            raise InputError(f"{where}: {name} asks for an agreement: accept it on {page} and set HF_TOKEN") from None
        except RevisionNotFoundError:
            raise InputError(f"{where}: {name} has no revision '{revision}'") from None
        except RepositoryNotFoundError:
            raise InputError(
                f"{where}: there is no {kind} '{name}' on the hub, or it is private and HF_TOKEN is not set"
            ) from None
    return Repository(kind, name, found.sha, tuple(found.siblings or ()))


def fetch_files(repository: Repository, files: list[RepoSibling], directory: Path) -> dict[str, dict]:
    """Fetch files to `directory`; return `{path: {sha256, bytes}}`. What is there is checked, not fetched again.

    Raises `InputError` if a file does not have the repository's checksum, or if the disk has no room for all of them.
    """
    missing = sum(file.size for file in files if not (directory / file.rfilename).exists())
    directory.mkdir(parents=True, exist_ok=True)
    if missing > (free := shutil.disk_usage(directory).free):
        raise InputError(
            f"{directory}: {missing / 1e9:.1f} GB are to be fetched and {free / 1e9:.1f} GB are free; set "
            "storage.resources to a larger disk"
        )
    return {file.rfilename: _fetch(repository, file, directory / file.rfilename) for file in files}


def _fetch(repository: Repository, file: RepoSibling, target: Path) -> dict:
    if target.exists():
        if (sha256 := _checked(target, file)) is not None:
            return {"sha256": sha256, "bytes": file.size}
        target.unlink()  # damaged after it was fetched
    partial = target.with_name(target.name + PARTIAL)
    target.parent.mkdir(parents=True, exist_ok=True)
    with one_line(f"{partial}: the download stopped", "what has come is kept, start again to go on"):
        _get(repository, file, partial)
    if (sha256 := _checked(partial, file)) is None:
        partial.unlink()
        raise InputError(
            f"{target}: what {repository.name} sent does not have the checksum that it announces for commit "
            f"{repository.commit}; nothing was kept, start again"
        )
    os.replace(partial, target)
    return {"sha256": sha256, "bytes": file.size}


def _get(repository: Repository, file: RepoSibling, partial: Path) -> None:
    """Append what is missing of a file to `partial`."""
    import httpx2
    from huggingface_hub import hf_hub_url
    from huggingface_hub.utils import build_hf_headers, hf_raise_for_status, http_stream_backoff

    url = hf_hub_url(repository.name, file.rfilename, repo_type=repository.kind, revision=repository.commit)
    headers = {**build_hf_headers(), "Accept-Encoding": "identity"}  # a range of the file, not of its zip
    options = {"timeout": TIMEOUT_SECONDS, "retry_on_exceptions": ()}  # a broken stream is ours to continue
    with open(partial, "ab") as stream, track((), file.rfilename, file.size, "B", unit_scale=True) as bar:
        for attempt in range(1, ATTEMPTS + 1):
            if (had := stream.seek(0, os.SEEK_END)) > file.size:  # of another content
                had = stream.truncate(0)
            if had == file.size:
                return
            resumed = {"Range": f"bytes={had}-"} if had else {}
            try:
                with http_stream_backoff("GET", url, headers={**headers, **resumed}, **options) as answer:
                    hf_raise_for_status(answer)
                    if answer.status_code != 206:  # all of it, whatever was asked
                        had = stream.truncate(0)
                    bar.update(had - bar.n)
                    for chunk in answer.iter_bytes(CHUNK_BYTES):
                        stream.write(chunk)
                        bar.update(len(chunk))
                return
            except httpx2.TransportError:
                if attempt == ATTEMPTS:
                    raise
                time.sleep(attempt)


def _checked(path: Path, file: RepoSibling) -> str | None:
    """Return the SHA-256 of a file that has the announced size and checksum, else None."""
    if path.stat().st_size != file.size:
        return None
    if file.lfs is None and file.blob_id is not None:
        content = path.read_bytes()
        if hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() != file.blob_id:
            return None
    sha256 = sha256_file(path)
    return sha256 if file.lfs is None or file.lfs.sha256 == sha256 else None
