"""Finished evaluations by key: a result whose key is there is not computed again, whoever asks.

A key says everything that a result depends on, so that two processes that compute the same thing by accident write the
same file, and neither needs a lock.
"""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from polytune.files import atomic_path, sha256_file, write_json


@dataclass(frozen=True)
class Cache:
    """A directory of finished evaluations. It may be deleted at any time: what is missing is computed."""

    directory: Path

    def results(self, key: str) -> Path:
        """Return where the results of `key` lie."""
        return self.directory / f"{key}.json"

    def samples(self, key: str) -> Path:
        """Return where the samples of `key` lie."""
        return self.directory / f"{key}.samples.parquet"

    def find(self, key: str) -> dict[str, Any] | None:
        """Return the results of `key`, None if they are not there or not whole."""
        try:
            results = json.loads(self.results(key).read_bytes())
            if results["polytune"]["samples_sha256"] == sha256_file(self.samples(key)):
                return results
            reason = "its samples are not those that were written with it"
        except FileNotFoundError as error:
            if not self.results(key).exists():
                return None
            reason = f"{Path(error.filename).name} is missing"
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            reason = f"{type(error).__name__}: {error}"
        print(f"{self.results(key)}: damaged ({reason}); it is evaluated again", file=sys.stderr)
        return None

    def store(self, key: str, results: dict[str, Any], write_samples: Callable[[Path], None]) -> dict[str, Any]:
        """Store an evaluation, its samples first and their digest in its results; return the results."""
        self.directory.mkdir(parents=True, exist_ok=True)
        write_samples(self.samples(key))
        results["polytune"]["samples_sha256"] = sha256_file(self.samples(key))
        write_json(self.results(key), results)
        return results

    def deliver(self, key: str, output: Path, samples: Path) -> None:
        """Copy a finished evaluation to the paths that the user asked for, its results last."""
        for source, target in ((self.samples(key), samples), (self.results(key), output)):
            with atomic_path(target) as temporary:
                shutil.copyfile(source, temporary)
