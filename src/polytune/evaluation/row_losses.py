"""`polytune evaluate --loss`: the loss of a model on files of instruction rows, one file per language."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from polytune import ROOT
from polytune.data.model_templates import read_template, tuned_template
from polytune.data.rows import read_rows
from polytune.errors import InputError
from polytune.evaluation.evaluate_loss import load_model
from polytune.evaluation.losses import Row, measure_losses, write_losses
from polytune.evaluation.plans import LIBRARIES, Options
from polytune.files import sha256_file
from polytune.languages.codes import languages as language_table
from polytune.languages.codes import say_meant
from polytune.models.directory import ModelDirectory
from polytune.provenance import provenance
from polytune.readers.records import read_records

TEMPLATES = ROOT / "config" / "templates.yaml"


@dataclass(frozen=True)
class RowLosses:
    """What is measured: the first `items` rows of the files of a pattern, asked with a template."""

    pattern: str
    languages: Sequence[str]
    """Only these; none: all that have a file."""
    items: int | None
    template: str
    """Empty: the one that the model was tuned with."""

    def find_files(self) -> dict[str, Path]:
        """Return the file of each language; raises `InputError` for a language without one."""
        if self.pattern.count("{language}") != 1:
            raise InputError(f"--loss: '{self.pattern}' must hold {{language}} once, as in rows/{{language}}.jsonl")
        files = {code: Path(self.pattern.replace("{language}", code)) for code in language_table()}
        found = {code: file for code, file in files.items() if file.is_file()}
        if not found:
            raise InputError(f"--loss: {self.pattern}: there is no such file for any language")
        if strange := [code for code in self.languages if code not in found]:
            raise InputError(
                f"--languages: no file in '{strange[0]}'{say_meant(strange[0])}; there are: {', '.join(found)}"
            )
        return {code: file for code, file in found.items() if not self.languages or code in self.languages}

    def read(self) -> dict[str, list[Row]]:
        """Return the rows by language, numbered from 0; rows with ids must have the same ones in every language."""
        found: dict[str, list[Row]] = {}
        first: tuple[str, list[str]] | None = None
        for code, file in self.find_files().items():
            has_id = "id" in next(record for _, record in read_records(file))
            rows = read_rows(file, "bactrian-x" if has_id else "alpaca", 0)[0][: self.items]
            ids = [row.id for row in rows]
            first = first or (code, ids)
            if ids != first[1]:
                raise InputError(f"{file}: its rows are not those of '{first[0]}', id by id; make them parallel")
            found[code] = [Row(number, row.instruction, row.input, row.output) for number, row in enumerate(rows)]
        return found

    def measure(self, model: ModelDirectory, options: Options, output: Path, samples: Path) -> str:
        """Measure, write `output` and `samples`, and return the losses in a line."""
        rows, tuned_with = self.read(), tuned_template(model.manifest)
        if not (name := self.template or tuned_with):
            raise InputError("--loss: the model was not tuned here, so its template is not known; name it: --template")
        template = read_template(name, TEMPLATES, model, tuned_with, None, "--template")
        lm = load_model(model, options.device, options.batch_tokens, options.precision)
        started = time.monotonic()
        losses = measure_losses(lm, rows, template)
        header = {
            "files": {code: sha256_file(file) for code, file in self.find_files().items()},
            "items": self.items,
            "template": {"name": template.name, "digest": template.digest},
            "model": lm.get_model_info(),
            "model_digest": model.digest,
            "seconds": round(time.monotonic() - started, 3),
            "provenance": provenance(*LIBRARIES),
        }
        return write_losses(losses, samples, output, header)
