"""DeepSpeed's configuration, generated from the run; nothing in it is kept by hand or left to "auto"."""

from __future__ import annotations

import os
import warnings

from polytune.errors import InputError
from polytune.training.spec import Hyperparameters

ZERO_STAGES = (0, 1, 2, 3)


def deepspeed_config(hyper: Hyperparameters, zero_stage: int) -> dict:
    """Return the configuration of a run, the same for any number of processes.

    Batch sizes are formal: a step is one update, and its packs are accumulated by `UpdateTrainer`, which tells
    DeepSpeed which one is the last. The optimizer is Trainer's AdamW; DeepSpeed shards its state (stage >= 1), the
    gradients (>= 2) and the parameters (3). Raises `InputError` for bf16 without ZeRO: DeepSpeed would keep no float32
    copy of the weights, and updates below bf16's resolution would be lost.
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
        "zero_optimization": {
            "stage": zero_stage,
            "contiguous_gradients": True,
            "overlap_comm": zero_stage == 3,
            "stage3_gather_16bit_weights_on_model_save": True,  # else no model could be saved
        },
        "steps_per_print": 1 << 30,
    }


def prepare_deepspeed_on_cpu() -> None:
    """Let DeepSpeed run on the CPU without a compiler: gloo and torch's own operations only.

    Its shared-memory all-reduce would be compiled at the first start (about 45 s, needs g++ and ninja). Call this
    before anything else imports deepspeed.
    """
    os.environ.setdefault("DS_ACCELERATOR", "cpu")
    warnings.filterwarnings("ignore", message=".*torch.distributed.*is deprecated", category=FutureWarning)
    import deepspeed.ops

    deepspeed.ops.__compatible_ops__["deepspeed_shm_comm"] = False
