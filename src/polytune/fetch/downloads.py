"""Files of a repository on the Hugging Face hub: resumed after an interruption, checked, whole or absent."""

from __future__ import annotations

import fnmatch
import hashlib
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from polytune.errors import InputError
from polytune.files import sha256_file

PARTIAL = ".partial"


@dataclass(frozen=True)
class RemoteFile:
    """A file of a repository; large files (LFS) have a SHA-256, small ones the SHA-1 of git."""

    path: str
    size: int
    sha256: str | None
    git_sha1: str | None


@dataclass(frozen=True)
class Repository:
    """A repository at one commit; `kind` is `model` or `dataset`."""

    kind: str
    name: str
    commit: str
    files: tuple[RemoteFile, ...]

    def select(self, patterns: Iterable[str], where: str) -> list[RemoteFile]:
        """Return the files that fit any of the patterns; each pattern must fit one, or it is an `InputError`."""
        chosen: dict[str, RemoteFile] = {}
        for pattern in patterns:
            found = [file for file in self.files if fits(file.path, pattern)]
            if not found:
                listed = ", ".join(file.path for file in self.files[:12])
                raise InputError(f"{where}: {self.name} at {self.commit} has no file '{pattern}'; it has {listed}, ...")
            chosen.update({file.path: file for file in found})
        return list(chosen.values())


def fits(path: str, pattern: str) -> bool:
    """Return whether a path fits a pattern whose `*` stands for anything but a slash."""
    return path.count("/") == pattern.count("/") and fnmatch.fnmatchcase(path, pattern)


def find_repository(kind: str, name: str, revision: str, where: str) -> Repository:
    """Return a repository at `revision`, which is resolved to a commit; `where` names the row that asks for it."""
    import httpx2
    from huggingface_hub import HfApi
    from huggingface_hub.errors import GatedRepoError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

    try:
        found = HfApi().repo_info(name, repo_type=kind, revision=revision, files_metadata=True)
    except GatedRepoError:
        raise InputError(
            f"{where}: {name} asks for an agreement: accept it on https://huggingface.co/{name} and set HF_TOKEN"
        ) from None
    except RevisionNotFoundError:
        raise InputError(f"{where}: {name} has no revision '{revision}'") from None
    except RepositoryNotFoundError:
        raise InputError(
            f"{where}: there is no {kind} '{name}' on the hub, or it is private and HF_TOKEN is not set"
        ) from None
    except (HfHubHTTPError, httpx2.HTTPError, OSError) as error:
        raise InputError(
            f"{where}: the hub does not answer ({error}); prefetch where there is a network, e.g. on the login node"
        ) from None
    files = tuple(
        RemoteFile(entry.rfilename, entry.size or 0, entry.lfs.sha256 if entry.lfs else None, entry.blob_id)
        for entry in found.siblings or ()
    )
    return Repository(kind, name, found.sha or revision, files)


def fetch_files(repository: Repository, files: list[RemoteFile], directory: Path) -> dict[str, dict]:
    """Fetch files to `directory`; return `{path: {sha256, bytes}}`. What is there is checked, not fetched again.

    Raises `InputError` if a file does not have the repository's checksum, or if the disk has no room for all of them.
    """
    missing = sum(file.size for file in files if not (directory / file.path).exists())
    directory.mkdir(parents=True, exist_ok=True)
    if missing > (free := shutil.disk_usage(directory).free):
        raise InputError(
            f"{directory}: {missing / 1e9:.1f} GB are to be fetched and {free / 1e9:.1f} GB are free; set "
            "storage.resources to a larger disk"
        )
    return {file.path: _fetch(repository, file, directory / file.path) for file in files}


def _fetch(repository: Repository, file: RemoteFile, target: Path) -> dict:
    if target.exists():
        if (sha256 := _checked(target, file)) is not None:
            return {"sha256": sha256, "bytes": file.size}
        target.unlink()  # damaged after it was fetched
    partial = target.with_name(target.name + PARTIAL)
    target.parent.mkdir(parents=True, exist_ok=True)
    _get(repository, file, partial)
    if (sha256 := _checked(partial, file)) is None:
        partial.unlink()
        raise InputError(
            f"{target}: what {repository.name} sent does not have the checksum that it announces for commit "
            f"{repository.commit}; nothing was kept, start again"
        )
    os.replace(partial, target)
    return {"sha256": sha256, "bytes": file.size}


def _get(repository: Repository, file: RemoteFile, partial: Path) -> None:
    """Append what is missing of a file to `partial`."""
    import httpx2
    from huggingface_hub import hf_hub_url
    from huggingface_hub.errors import HfHubHTTPError
    from huggingface_hub.file_download import http_get
    from huggingface_hub.utils import build_hf_headers

    url = hf_hub_url(repository.name, file.path, repo_type=repository.kind, revision=repository.commit)
    with open(partial, "ab") as stream:
        if stream.tell() > file.size:
            stream.truncate(0)
        try:
            http_get(
                url,
                stream,
                resume_size=stream.tell(),
                headers={**build_hf_headers(), "Accept-Encoding": "identity"},  # a range of the file, not of its zip
                expected_size=file.size,
                displayed_filename=file.path,
            )
        except (HfHubHTTPError, httpx2.HTTPError, OSError) as error:
            raise InputError(
                f"{partial}: the download stopped ({error}); what has come is kept, start again to go on"
            ) from None


def _checked(path: Path, file: RemoteFile) -> str | None:
    """Return the SHA-256 of a file that has the announced size and checksum, else None."""
    if path.stat().st_size != file.size:
        return None
    if file.sha256 is None and file.git_sha1 is not None:
        content = path.read_bytes()
        if hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest() != file.git_sha1:
            return None
    sha256 = sha256_file(path)
    return sha256 if file.sha256 in (None, sha256) else None
