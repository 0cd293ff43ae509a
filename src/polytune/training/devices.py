"""What the device tells about itself: name, memory, energy."""

from __future__ import annotations

import json
import resource
import shutil
import subprocess
import sys


def device_name() -> str:
    """Return the name of the device that this process computes on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            for line in lines:
                if line.startswith("model name"):
                    return line.split(":", 1)[1].strip()
    except OSError:
        pass  # not Linux: there is no such file
    return "cpu"


def peak_memory_bytes() -> int:
    """Return the most memory this process has held: of the GPU if it uses one, else resident memory."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def energy_joules() -> float | None:
    """Return the energy counter of this process's GPU in joules, or None where the device does not tell.

    Only differences of two readings mean something. NVIDIA: NVML through the package `pynvml`, if it is installed;
    AMD: the command `rocm-smi`.
    """
    import torch

    if not torch.cuda.is_available():
        return None
    if torch.version.hip:
        return _rocm_energy(torch.cuda.current_device())
    try:
        import pynvml
    except ImportError:
        return None
    try:
        pynvml.nvmlInit()
        uuid = str(torch.cuda.get_device_properties(torch.cuda.current_device()).uuid)
        handle = pynvml.nvmlDeviceGetHandleByUUID(f"GPU-{uuid}")
        return pynvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000.0  # millijoules
    except pynvml.NVMLError:
        return None  # older than Volta, or a virtual GPU: there is no counter


def _rocm_energy(device: int) -> float | None:
    if not shutil.which("rocm-smi"):
        return None
    answer = subprocess.run(
        ["rocm-smi", "-d", str(device), "--showenergycounter", "--json"], capture_output=True, text=True, check=False
    )
    try:
        counters = next(iter(json.loads(answer.stdout).values()))
    except (json.JSONDecodeError, StopIteration, AttributeError):
        return None
    for name, value in counters.items():
        if "accumulated energy" in name.lower():
            return float(value) / 1e6  # microjoules
    return None
