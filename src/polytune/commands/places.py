"""Checks of the machine: devices, memory, disks and who may write where, caches, variables, what another start left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping
from importlib import metadata
from pathlib import Path

from polytune.commands.findings import Finding, fail, ok, warn
from polytune.fetch.prefetch import OFFLINE
from polytune.languages.codes import TABLE_VARIABLE
from polytune.machine import available_bytes, choose_device, memory_bytes

GB = 1e9
LITTLE_GB, NOTHING_GB = 20.0, 1.0
"""Free space below which a line warns and fails. What a configuration needs says `polytune plan`."""
FEW_FILES = 10_000
"""Files that may still be made below which a line warns: a run has about 20."""
SMALL_MEMORY_GB = 4.0
CACHES = {
    "HF_HOME": "~/.cache/huggingface",
    "MPLCONFIGDIR": "~/.config/matplotlib",
    "XDG_CACHE_HOME": "~/.cache",
}
"""Folders where libraries keep things, by the variable that moves them."""
TOKENS = ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN")


def check_devices(device: str) -> Iterator[Finding]:
    """Yield what there is to compute with; `device` is what the configuration asks for."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    total, free = memory_bytes() / GB, available_bytes() / GB
    text = f"{cores} cores, {total:.0f} GB of memory, {free:.0f} GB free"
    if free < SMALL_MEMORY_GB:
        yield warn("machine", text, "close other programs, or start fewer jobs at a time (snakemake --cores)")
    else:
        yield ok("machine", text)
    gpu = choose_device("auto") == "cuda"
    build = _torch_build()
    if gpu and build == "cpu":
        yield fail("device", "a GPU, but torch is built for CPUs", "install the torch build of this GPU (pytorch.org)")
    elif device == "cuda" and not gpu:
        yield warn(
            "device",
            "no GPU here, but evaluation.device is cuda",
            "right on a login node, whose jobs run elsewhere; else set evaluation.device: auto",
        )
    else:
        yield ok("device", "a GPU" if gpu else "no GPU: models are tuned and evaluated on the CPU")


def _torch_build() -> str:
    try:
        return metadata.version("torch").partition("+")[2]
    except metadata.PackageNotFoundError:
        return ""


def check_disks(storage: Mapping[str, str]) -> Iterator[Finding]:
    """Yield, for each root of the storage, whether it can be written to and what is free there."""
    for name, place in storage.items():
        folder = _existing(Path(place))
        topic, place = "disk", f"storage.{name} {place}"
        if folder.is_file():
            yield fail(topic, f"{folder} is a file", f"move it away, or name another folder: storage.{name}")
            continue
        if not os.access(folder, os.W_OK | os.X_OK):
            yield fail(topic, f"{folder} cannot be written to", f"ask its owner for access, or move storage.{name}")
            continue
        space, counted = shutil.disk_usage(folder), os.statvfs(folder)
        text = f"{place}: {space.free / GB:,.0f} GB free of {space.total / GB:,.0f}"
        remedy = f"free space, or move storage.{name}; polytune plan says what is needed"
        if space.free < NOTHING_GB * GB:
            yield fail(topic, text, remedy)
        elif counted.f_files and counted.f_favail < FEW_FILES:
            yield warn(topic, f"{place}: only {counted.f_favail:,} more files may be made", f"move storage.{name}")
        elif space.free < LITTLE_GB * GB:
            yield warn(topic, text, remedy)
        else:
            yield ok(topic, text)


def check_caches() -> Iterator[Finding]:
    """Yield the folders of caches that libraries cannot write to, or that all is well."""
    found = False
    for variable, usual in CACHES.items():
        folder = Path(os.environ.get(variable) or os.path.expanduser(usual))
        if not os.access(_existing(folder), os.W_OK | os.X_OK):
            found = True
            yield warn("caches", f"{folder} cannot be written to", f"export {variable}=FOLDER, one that is yours")
    if not found:
        yield ok("caches", "can be written to")


def check_variables() -> Iterator[Finding]:
    """Yield the variables that change what libraries or Polytune do; values of secrets are never shown."""
    offline = [name for name in OFFLINE if os.environ.get(name, "").lower() in ("1", "true", "yes", "on")]
    text = f"{', '.join(offline)} set" if offline else "none set"
    yield ok("offline", f"{text}; steps are offline whatever they say, but prefetch and an upload of publish")
    if table := os.environ.get(TABLE_VARIABLE):
        there = Path(table).is_file()
        make = warn if there else fail
        yield make("languages", f"{TABLE_VARIABLE} names {table}", f"unset {TABLE_VARIABLE} for the usual table")
    known = [name for name in TOKENS if os.environ.get(name)]
    yield ok("token", f"{known[0]} is set" if known else "none for the hub: models that ask for one cannot be fetched")


def check_leftovers(folder: Path) -> Iterator[Finding]:
    """Yield what another start of Snakemake holds or has left in `folder`."""
    locks = list((folder / ".snakemake/locks").glob("*"))
    if locks:
        yield warn(
            "lock",
            "another Snakemake runs here, or was killed",
            "wait for it; if none runs: polytune wait on a cluster, then snakemake --unlock",
        )
    else:
        yield ok("lock", "no other Snakemake holds this folder")


def _existing(path: Path) -> Path:
    """Return the nearest folder above that is there: what will be made lies in it."""
    path = path.absolute()
    while not path.exists():
        path = path.parent
    return path
