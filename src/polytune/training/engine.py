"""What computes an update: torch alone on one device; `polytune.training.deepspeed` has the same for several."""

from __future__ import annotations

import math
import os
import re
from pathlib import Path

import torch

from polytune.training.batches import Pack
from polytune.training.spec import Hyperparameters

# what transformers' Trainer, with which the papers trained, leaves without weight decay besides LayerNorm's parameters
UNDECAYED = re.compile(r"bias|layernorm|rmsnorm|(^|\.)norm($|\.)|_norm($|\.)")


def own_device() -> torch.device:
    """Return the device of this process: the GPU of its number on the node, else the CPU."""
    local = int(os.environ.get("LOCAL_RANK", "0"))
    return torch.device("cuda", local) if torch.cuda.is_available() else torch.device("cpu")


def make_optimizer(model: torch.nn.Module, hyper: Hyperparameters) -> torch.optim.AdamW:
    """Return AdamW over the parameters that are trained; biases and the weights of norms do not decay."""
    norms = [part for part in model.modules() if isinstance(part, torch.nn.LayerNorm)]
    undecayed = {id(weight) for norm in norms for weight in norm.parameters()}
    groups = ([], [])
    for name, parameter in model.named_parameters():
        if parameter.requires_grad:
            groups[id(parameter) in undecayed or bool(UNDECAYED.search(name.lower()))].append(parameter)
    return torch.optim.AdamW(
        [{"params": groups[0], "weight_decay": hyper.weight_decay}, {"params": groups[1], "weight_decay": 0.0}],
        lr=hyper.learning_rate,
        betas=(hyper.adam_beta1, hyper.adam_beta2),
        eps=hyper.adam_epsilon,
        fused=True,
    )


class OneProcess:
    """A model on one device. In bf16 it computes in bfloat16 and keeps float32 weights."""

    process, processes = 0, 1

    def __init__(self, model: torch.nn.Module, hyper: Hyperparameters) -> None:
        self.device, self.hyper = own_device(), hyper
        self.model = model.to(self.device).train()
        self.trained = [weight for weight in model.parameters() if weight.requires_grad]
        self.optimizer = make_optimizer(self.model, hyper)

    def compute_loss(self, pack: Pack) -> torch.Tensor:
        """Return the pack's share of the update's loss, a scalar."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.hyper.precision == "bf16"):
            return self.model(pack=pack.to(self.device))

    def add_gradient(self, loss: torch.Tensor, last: bool) -> None:
        """Add the gradient of a pack's loss to that of the update; `last` says that the update has no further pack."""
        loss.backward()

    def step(self, learning_rate: float) -> float:
        """Clip the gradient, let the optimizer use it if it is finite, forget it; return its norm before clipping."""
        gradients = [weight.grad for weight in self.trained if weight.grad is not None]
        total, limit = torch.nn.utils.get_total_norm(gradients), self.hyper.max_gradient_norm
        norm = float(total)
        if math.isfinite(norm):
            if limit and norm + 1e-6 > limit:  # torch's limit; else it would multiply all gradients by one
                torch.nn.utils.clip_grads_with_norm_(self.trained, limit, total)
            for group in self.optimizer.param_groups:
                group["lr"] = learning_rate
            self.optimizer.step()
        self.forget()
        return norm

    def forget(self) -> None:
        """Forget the gradient."""
        self.optimizer.zero_grad()

    def gather(self, value) -> list:
        """Return the values of all processes, in their order; they wait for each other."""
        return [value]

    def reduce(self, values: list[float], largest: bool = False) -> list[float]:
        """Return the sums (or the largest) of each of `values` over all processes."""
        return values

    def save(self, checkpoint: Path) -> None:
        """Write what `load` needs to go on as if nothing had happened."""
        parameters = {name: value for name, value in self.model.named_parameters() if value.requires_grad}
        torch.save({"parameters": parameters, "optimizer": self.optimizer.state_dict()}, checkpoint / "state.pt")

    def load(self, checkpoint: Path) -> None:
        """Take up weights and optimizer of a checkpoint."""
        state = torch.load(checkpoint / "state.pt", map_location=self.device, weights_only=True)
        self.model.load_state_dict(state["parameters"], strict=False)  # frozen and tied weights are not in it
        self.optimizer.load_state_dict(state["optimizer"])

    def whole_weights(self) -> dict[str, torch.Tensor] | None:
        """Return the trained weights by name where they are cut over the processes, else None: the model has them."""
        return None

    def leave(self) -> None:
        """End the communication of the processes in order; a process that merely exits may abort the others."""
