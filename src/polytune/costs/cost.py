"""What one job takes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class Cost:
    """What one job takes; `memory_gb` is that of one device, `disk_gb` stays, `price` is what judges charge."""

    device_hours: float = 0.0
    node_hours: float = 0.0
    core_hours: float = 0.0
    longest_hours: float = 0.0
    memory_gb: float = 0.0
    disk_gb: float = 0.0
    checkpoints_gb: float = 0.0
    judge_calls: float = 0.0
    judge_tokens: float = 0.0
    price: float = 0.0
    too_large: str = ""
    """What does not fit into a device, empty if it fits."""
    remedy: str = ""
    """What to do about that."""
