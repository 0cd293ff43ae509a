"""A faster start: a run of the built-in world trains for seconds, so the seconds before it count."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager


def import_libraries() -> None:
    """Import torch and transformers' models, without scipy: they want it for losses that no run here has."""
    import torch

    if torch.version.cuda:  # AMD's builds have no such segments
        # packs differ in size: without this, freed blocks that fit none stay, 138 in place of 132 GiB for BLOOM-7B1
        os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
    with hide("scipy"):
        import transformers.modeling_utils
    transformers.utils.logging.disable_progress_bar()  # of reading and writing files; training has its own


@contextmanager
def hide(*names: str) -> Iterator[None]:
    """Let `import` not find the modules `names` inside the block, save those that are loaded already."""
    hidden = [name for name in names if name not in sys.modules]
    sys.modules.update(dict.fromkeys(hidden))  # None is Python's own mark of a module that must not be imported
    try:
        yield
    finally:
        for name in hidden:
            del sys.modules[name]


@contextmanager
def without_collection() -> Iterator[None]:
    """Collect no garbage inside the block, and never look at its objects again.

    Importing and loading make half a million objects, all of which stay: looking through them takes a fifth of a start.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()
