"""What devices tell about their energy, with stand-ins for the vendors' libraries."""

import ctypes
import json
import subprocess
import sys
from types import SimpleNamespace

import pytest
import torch

from polytune import machine

UUID = "8a9b0c1d-0000-1111-2222-333344445555"


@pytest.fixture
def gpu(monkeypatch):
    """Pretend that this process computes on the GPU at PCI address 0000:c1:00.0."""
    properties = SimpleNamespace(uuid=UUID, pci_domain_id=0, pci_bus_id=0xC1, pci_device_id=0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda device: properties)
    return monkeypatch


class Nvml:
    """NVML's functions in the form that ctypes gives them: 0 is success, results come back through pointers."""

    def __init__(self, status: int) -> None:
        self.status = status

    def nvmlInit_v2(self) -> int:
        return 0

    def nvmlDeviceGetHandleByUUID(self, uuid: bytes, handle) -> int:
        handle._obj.value = 77
        return 0 if uuid == f"GPU-{UUID}".encode() else 6

    def nvmlDeviceGetTotalEnergyConsumption(self, handle, millijoules) -> int:
        assert handle.value == 77
        millijoules._obj.value = 2_500_000_000_000
        return self.status


@pytest.mark.parametrize(("status", "joules"), [(0, 2_500_000_000.0), (3, None)], ids=["counter", "no counter"])
def test_nvidia(status, joules, gpu):
    gpu.setattr(torch.version, "hip", None)
    gpu.setattr(ctypes, "CDLL", lambda name: Nvml(status))
    assert machine.energy_joules() == joules


def test_nvidia_without_the_library(gpu):
    gpu.setattr(torch.version, "hip", None)
    assert machine._nvidia_energy("GPU-none") is None  # there is no driver here, or no such GPU
    gpu.setattr(ctypes, "CDLL", lambda name: ctypes.cdll.LoadLibrary("no such library"))
    assert machine.energy_joules() is None


@pytest.mark.parametrize(
    ("answer", "joules"),
    [
        (
            {
                "card0": {"PCI Bus": "0000:29:00.0", "Accumulated Energy (uJ)": "1000000.0"},
                "card4": {"PCI Bus": "0000:C1:00.0", "Accumulated Energy (uJ)": "962825096297442.9"},
            },
            962825096.2974429,
        ),
        ({"card4": {"PCI Bus": "0000:C1:00.0"}}, None),
        ({"card0": {"PCI Bus": "0000:29:00.0", "Accumulated Energy (uJ)": "1000000.0"}}, None),
    ],
    ids=["counter", "no counter", "another device"],
)
def test_amd(answer, joules, gpu, tmp_path):
    """A process that sees only one of a node's devices calls it 0; the counter is that of its address."""
    (tmp_path / "rocm-smi").write_text(f"#!/bin/sh\necho '{json.dumps(answer)}'\n")
    (tmp_path / "rocm-smi").chmod(0o755)
    gpu.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    gpu.setattr(torch.version, "hip", "6.2")
    assert machine.energy_joules() == (None if joules is None else pytest.approx(joules))


def test_without_a_gpu_there_is_no_energy(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert machine.energy_joules() is None


@pytest.mark.slow
def test_what_does_not_fit_fails_with_a_message_and_not_with_a_kill():
    """In a process of its own with 300 MB to spare: an allocation of 600 MB is refused, one of 100 MB is not."""
    code = (
        "import torch\nfrom polytune import machine\nmachine.available_bytes = lambda: 300 * 2**20\n"
        "machine.limit_memory()\ntorch.ones(25 * 2**20)\n"
        "from polytune import cli\nimport polytune.config.reference as reference\n"
        "reference.render = lambda: torch.ones(150 * 2**20)\ncli.main(['write-reference', '--check'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "polytune write-reference: not enough memory" in done.stderr and "Traceback" not in done.stderr


def test_memory_at_hand_is_no_more_than_there_is():
    assert 0 < machine.available_bytes() <= machine.memory_bytes()
