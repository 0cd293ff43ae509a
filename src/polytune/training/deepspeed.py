"""Several processes through DeepSpeed's engine, configured from the run; nothing is kept by hand or left to "auto"."""

from __future__ import annotations

import math
import os
import warnings
from pathlib import Path

import torch

from polytune.errors import InputError
from polytune.training.batches import Pack
from polytune.training.engine import OneProcess, make_optimizer, own_device
from polytune.training.spec import Hyperparameters


def deepspeed_config(hyper: Hyperparameters, zero_stage: int) -> dict:
    """Return the configuration of a run, the same for any number of processes.

    Batch sizes are formal: a step is one update, and its packs are accumulated by the training loop, which tells
    DeepSpeed which one is the last. DeepSpeed shards the optimizer's state (stage >= 1), the gradients (>= 2) and the
    parameters (3). Raises `InputError` for bf16 without ZeRO: DeepSpeed would keep no float32 copy of the weights, and
    updates below bf16's resolution would be lost.
    """
    if hyper.precision == "bf16" and zero_stage == 0:
        raise InputError("--zero-stage is 0; with precision bf16 and several processes it must be 1, 2 or 3")
    return {
        "train_micro_batch_size_per_gpu": 1,
        "gradient_accumulation_steps": 1,
        "gradient_clipping": hyper.max_gradient_norm,
        "bf16": {"enabled": hyper.precision == "bf16"},
        "data_types": {"grad_accum_dtype": "fp32"},  # the packs of an update may be many
        "zero_allow_untested_optimizer": True,
        "zero_optimization": {"stage": zero_stage, "contiguous_gradients": True, "overlap_comm": zero_stage == 3},
        "steps_per_print": 1 << 30,
    }


class Connection:
    """The processes of a run, connected. Make the model after it: at ZeRO stage 3 transformers loads it in parts."""

    made = False
    """Whether this process is connected to others."""

    def __init__(self, hyper: Hyperparameters, zero_stage: int) -> None:
        self.config = deepspeed_config(hyper, zero_stage)
        if torch.cuda.is_available():
            torch.cuda.set_device(own_device())
        else:
            _prepare_cpu()
        import deepspeed

        deepspeed.init_distributed("nccl" if torch.cuda.is_available() else "gloo")
        Connection.made = True
        if zero_stage == 3:
            from transformers.integrations import HfDeepSpeedConfig

            self.parts = HfDeepSpeedConfig(self.config)  # transformers obeys it as long as it lives


def _prepare_cpu() -> None:
    """Let DeepSpeed run on the CPU without a compiler: gloo and torch's own operations only.

    Its shared-memory all-reduce would be compiled at the first start (about 45 s, needs g++ and ninja).
    """
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    warnings.filterwarnings("ignore", message=".*torch.distributed.*is deprecated", category=FutureWarning)
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False


class ManyProcesses(OneProcess):
    """A model on as many devices as there are processes; in bf16 DeepSpeed keeps float32 weights beside the model's."""

    def __init__(self, model: torch.nn.Module, hyper: Hyperparameters, connection: Connection) -> None:
        import deepspeed

        self.device, self.hyper, self.model = own_device(), hyper, model
        self.process, self.processes = torch.distributed.get_rank(), torch.distributed.get_world_size()
        self.zero_stage = connection.config["zero_optimization"]["stage"]
        self.connection = connection
        optimizer = make_optimizer(model, hyper)
        self.engine, *_ = deepspeed.initialize(model=model, optimizer=optimizer, config=connection.config)
        self.optimizer = self.engine.optimizer
        self.trained = [weight for weight in model.train().parameters() if weight.requires_grad]
        self.partly = len(self.trained) < len(list(model.parameters()))  # an adapter: the frozen base is not saved

    def compute_loss(self, pack: Pack) -> torch.Tensor:
        return self.engine(pack=pack.to(self.device))

    def add_gradient(self, loss: torch.Tensor, last: bool) -> None:
        self.engine.set_gradient_accumulation_boundary(last)
        # gradients are averaged over the processes, the loss is a sum over them
        self.engine.backward(loss * self.processes, scale_wrt_gas=False)

    def step(self, learning_rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate
        # without ZeRO, DeepSpeed does not tell the norm: this one is that of the gradient over all processes
        gradients = [weight.grad for weight in self.trained if weight.grad is not None]
        unclipped = torch.nn.utils.get_total_norm(gradients) if self.zero_stage == 0 else None
        if unclipped is None or math.isfinite(unclipped):
            self.engine.step()
        return float(self.engine.get_global_grad_norm() if unclipped is None else unclipped)

    def gather(self, value) -> list:
        values = [None] * self.processes
        torch.distributed.all_gather_object(values, value)
        return values

    def reduce(self, values: list[float], largest: bool = False) -> list[float]:
        shared = torch.tensor(values, dtype=torch.float64, device=self.device)
        kind = torch.distributed.ReduceOp.MAX if largest else torch.distributed.ReduceOp.SUM
        torch.distributed.all_reduce(shared, op=kind)
        return shared.tolist()

    def save(self, checkpoint: Path) -> None:
        self.engine.save_checkpoint(str(checkpoint), tag="state", exclude_frozen_parameters=self.partly)

    def load(self, checkpoint: Path) -> None:
        self.engine.load_checkpoint(str(checkpoint), tag="state", load_module_strict=not self.partly)

    def whole_weights(self) -> dict[str, torch.Tensor] | None:
        if self.zero_stage < 3:
            return None
        import deepspeed

        weights = {}
        for name, parameter in self.model.named_parameters():
            if parameter.requires_grad:
                with deepspeed.zero.GatheredParameters([parameter]):
                    if self.process == 0:
                        weights[name] = parameter.detach().cpu().clone()
        return weights

    def leave(self) -> None:
        torch.distributed.barrier()
        torch.distributed.destroy_process_group()
