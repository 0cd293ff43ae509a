"""The machine: which device there is, what it tells about itself, and how its memory is kept."""

from __future__ import annotations

import ctypes
import json
import os
import resource
import shutil
import subprocess
import sys
from pathlib import Path

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # glibc, malloc.h
LARGEST_BLOCK = 32 * 2**20  # glibc allows no higher threshold
GPU_DEVICES = ("/dev/nvidiactl", "/dev/kfd")  # NVIDIA's and AMD's drivers; asking torch would cost a second's import


def choose_device(device: str) -> str:
    """Return the device to use: `auto` is `cuda` (torch's name on AMD too) where the machine has a GPU driver."""
    if device != "auto":
        return device
    return "cuda" if any(Path(file).exists() for file in GPU_DEVICES) else "cpu"


def memory_bytes() -> int:
    """Return the memory that this process may use: the machine's, or less where a container or a job is limited."""
    physical = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    try:
        limit = Path("/sys/fs/cgroup/memory.max").read_text().strip()
    except OSError:
        return physical  # no control groups of version 2
    return physical if limit == "max" else min(physical, int(limit))


def available_bytes() -> int:
    """Return the memory that is not in use now: the machine's, or what a limited container or job has left."""
    status = {line.split(":")[0]: line.split()[1] for line in Path("/proc/meminfo").read_text().splitlines()}
    free = int(status["MemAvailable"]) * 1024
    try:
        used = int(Path("/sys/fs/cgroup/memory.current").read_text())
    except OSError:
        return free  # no control groups of version 2, or none that limits this process
    return min(free, memory_bytes() - used)


def limit_memory() -> None:
    """Let what does not fit into memory fail when it is asked for: the system would kill the process without a word.

    Of a process that computes on a CPU; processes of one node that start together share what is there. Does nothing
    where the system is not Linux.
    """
    if not sys.platform.startswith("linux"):
        return
    status = Path("/proc/self/status").read_text()
    mine = int(status.partition("VmData:")[2].split()[0]) * 1024
    wanted = mine + available_bytes() // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    hard = resource.getrlimit(resource.RLIMIT_DATA)[1]
    resource.setrlimit(resource.RLIMIT_DATA, (wanted if hard == resource.RLIM_INFINITY else min(wanted, hard), hard))


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether an exception says that memory was refused, in the words of whatever library."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"  # torch's, of a GPU
        or any(words in str(error) for words in ("can't allocate memory", "Cannot allocate memory"))
    )


def keep_freed_memory() -> None:
    """Make glibc keep freed memory for the next batch instead of giving it back to the system.

    Otherwise every batch's activations are mapped and faulted in anew, a tenth of the time with a small model. Does
    nothing where the C library is not glibc.
    """
    if not sys.platform.startswith("linux"):
        return
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, LARGEST_BLOCK)
        mallopt(M_TRIM_THRESHOLD, 2**30)


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

    Only differences of two readings mean something. NVIDIA: the driver's library NVML; AMD: the command `rocm-smi`.
    The GPU is found by its address, because processes may see fewer devices than the node has.
    """
    import torch

    if not torch.cuda.is_available():
        return None
    device = torch.cuda.get_device_properties(torch.cuda.current_device())
    if torch.version.hip:
        return _amd_energy(f"{device.pci_domain_id:04x}:{device.pci_bus_id:02x}:{device.pci_device_id:02x}.0")
    return _nvidia_energy(f"GPU-{device.uuid}")


def _nvidia_energy(uuid: str) -> float | None:
    try:
        library = ctypes.CDLL("libnvidia-ml.so.1")
    except OSError:
        return None  # a driver without NVML
    handle, millijoules = ctypes.c_void_p(), ctypes.c_ulonglong()
    # every call returns 0 for success; devices older than Volta and virtual ones have no counter
    if library.nvmlInit_v2() or library.nvmlDeviceGetHandleByUUID(uuid.encode(), ctypes.byref(handle)):
        return None
    if library.nvmlDeviceGetTotalEnergyConsumption(handle, ctypes.byref(millijoules)):
        return None
    return millijoules.value / 1e3


def _amd_energy(address: str) -> float | None:
    if not shutil.which("rocm-smi"):
        return None
    command = ["rocm-smi", "--showbus", "--showenergycounter", "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, check=False)
    try:
        cards = json.loads(answer.stdout).values()
    except (json.JSONDecodeError, AttributeError):
        return None
    for card in cards:
        if card.get("PCI Bus", "").lower() == address and "Accumulated Energy (uJ)" in card:
            return float(card["Accumulated Energy (uJ)"]) / 1e6
    return None
