"""What a user of the study `pinch` has: mT5, LIMA with OpenAssistant and AlpacaFarm, both translated, as published."""

from __future__ import annotations

import json
from pathlib import Path

from tests.cases.alpaca_directories import write_model

LANGUAGES = ("en", "ar", "cs", "es", "et", "fi", "he", "hi", "hr", "it", "pl", "ru", "sk", "sl", "sr", "sw", "zh")
ROWS, PROMPTS = 4640, 617


def write_directories(folder: Path) -> dict:
    """Write everything below `folder`; return `locations` of the configuration for it."""
    sources, prompts = folder / "lima-oasst", folder / "alpaca-farm"
    for code in LANGUAGES:
        rows = [
            {"instruction": f"{code}: name the number after {number}", "input": "", "output": f"{code} {number + 1}"}
            for number in range(ROWS)
        ]
        asked = [
            {"instruction": f"{code}: what comes after", "input": str(number) if number % 2 else ""}
            for number in range(PROMPTS)
        ]
        for place, lines in ((sources, rows), (prompts, asked)):
            place.mkdir(parents=True, exist_ok=True)
            (place / f"{code}.json").write_text(json.dumps(lines, ensure_ascii=False))
    write_model(folder / "mt5", "mt5")
    return {
        "bases": {"mt5-xxl": str(folder / "mt5")},
        "sources": {"lima-oasst": str(sources)},
        "prompts": {"alpaca-farm": str(prompts)},
    }
