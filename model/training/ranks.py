"""One process or many: a thin layer over Hugging Face accelerate. Source: SPEC T1, T4.

Under `torchrun` or `accelerate launch` every process is a rank of one DDP run (gloo on CPU, NCCL on GPUs); started
plainly, there is one rank and every call here is a no-op.
"""

from __future__ import annotations

import contextlib
import os
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final

import torch
from torch import Tensor, nn

from data_contracts import UsageError
from model.memory import keep_freed_memory

if TYPE_CHECKING:
    from accelerate import Accelerator

# The other ranks wait in their next collective call while rank 0 validates, samples and writes alone.
_TIMEOUT: Final = timedelta(hours=2)


@dataclass(frozen=True, slots=True)
class Ranks:
    """The processes of a training run, as one of them sees them."""

    accelerator: Accelerator

    @classmethod
    def start(cls, device: torch.device) -> Ranks:
        """Joins the run on `device`: "cpu", "cuda" (under a launcher each rank takes its own GPU) or one GPU, "cuda:1".

        Precision and compilation are settings of the training step, so accelerate's own are switched off. Raises
        UsageError when several processes ask for the same GPU.
        """
        from accelerate import Accelerator
        from accelerate.state import AcceleratorState, PartialState
        from accelerate.utils import DistributedDataParallelKwargs, InitProcessGroupKwargs

        cpu = device.type == "cpu"
        known = PartialState._shared_state
        if known and known.get("num_processes") == 1 and bool(known.get("_cpu")) != cpu:
            AcceleratorState._reset_state(
                reset_partial_state=True
            )  # an earlier run in this process was on the other device
        if device.index is not None:
            if int(os.environ.get("WORLD_SIZE", "1")) > 1:
                raise UsageError(
                    f"device {device} is one GPU, and {os.environ['WORLD_SIZE']} processes train; each takes its own "
                    "with --set train.device=cuda"
                )
            torch.cuda.set_device(device)
        if not cpu:
            torch.set_float32_matmul_precision("high")  # TF32 for what is not bf16, as MMAudio trains
        keep_freed_memory()  # of one batch for the next
        return cls(
            Accelerator(
                cpu=cpu,
                mixed_precision="no",
                kwargs_handlers=[
                    DistributedDataParallelKwargs(broadcast_buffers=False, gradient_as_bucket_view=True),
                    InitProcessGroupKwargs(timeout=_TIMEOUT),
                ],
            )
        )

    @property
    def rank(self) -> int:
        """This process's number, 0 first."""
        return int(self.accelerator.process_index)

    @property
    def size(self) -> int:
        """How many processes train together."""
        return int(self.accelerator.num_processes)

    @property
    def is_main(self) -> bool:
        """Whether this process writes the files."""
        return self.rank == 0

    @property
    def device(self) -> torch.device:
        """Where this process computes."""
        return self.accelerator.device

    def wrap(self, module: nn.Module) -> nn.Module:
        """Returns the module with its gradients averaged over the ranks (DDP); the module itself for one rank."""
        with warnings.catch_warnings():
            # Buffers never change, so they are not broadcast; torch warns that this option will be renamed.
            warnings.filterwarnings("ignore", message=".*broadcast_buffers", category=FutureWarning)
            wrapped: nn.Module = self.accelerator.prepare_model(module)
        return wrapped

    def backward(self, loss: Tensor) -> None:
        """Adds the loss's gradients."""
        self.accelerator.backward(loss)

    @contextlib.contextmanager
    def accumulating(self, module: nn.Module, more: bool) -> Iterator[None]:
        """Keeps gradients on this rank as long as `more` micro-batches follow."""
        with self.accelerator.no_sync(module) if more else contextlib.nullcontext():
            yield

    def total(self, values: Tensor) -> Tensor:
        """Returns the values summed over the ranks, elementwise."""
        return values if self.size == 1 else self.accelerator.reduce(values.clone(), reduction="sum")

    def gather(self, values: Tensor) -> Tensor:
        """Returns (ranks, ...): every rank's values in rank order."""
        return self.accelerator.gather(values[None].contiguous()) if self.size > 1 else values[None]

    def broadcast(self, tensor: Tensor) -> None:
        """Overwrites a tensor with rank 0's, in place."""
        if self.size > 1:
            torch.distributed.broadcast(tensor, src=0)

    def from_main(self, value: Any) -> Any:
        """Returns rank 0's value, which is plain (numbers, texts, lists, dicts)."""
        if self.size == 1:
            return value
        from accelerate.utils import broadcast_object_list

        return broadcast_object_list([value])[0]

    def wait(self) -> None:
        """Returns when every rank has called it."""
        self.accelerator.wait_for_everyone()
