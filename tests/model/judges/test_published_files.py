"""Each published file would load: all its names and shapes, taken from the originals, fit the judge that reads it.

The files have gigabytes and are not here. LISTINGS holds what `python -m benchmarks.evaluation names` prints for the
originals' code at full size (EfficientAT and Resemblyzer: for the published files). The layouts that the other tests
use at small sizes, written down by hand, must give the same lines, and load strictly without memory. PE-AV and Audiobox
are built of their packages' own classes: test_pe_av.py and test_audiobox.py load all names of these.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from benchmarks.original_code import CONSTANTS, Listing, listing
from benchmarks.original_names import of_file
from benchmarks.real_data import resemblyzer_weights, tagger_weights
from data_contracts import WeightsError
from model.judges import efficientat, imagebind, laion_clap, ms_clap, panns, passt, resemblyzer, synchformer, vggish
from model.judges.efficientat import MobileNet
from model.weights.catalogue import COMPONENTS
from model.weights.files import TensorFile
from tests.model.codec.layouts import Shapes, count, network_shapes
from tests.model.judges import audio_layouts as layouts
from tests.model.judges.imagebind import others, towers
from tests.model.judges.pe_av import frame_shapes
from tests.model.judges.synchformer import whole
from tests.model.judges.test_resemblyzer import KEYS

LISTINGS = {
    "imagebind": Listing(1311, 1_200_786_990, "37260864f15473a93a1bc38f5d85dd2d25fdefbb4f85137317ed11afb295db69"),
    "synchformer": Listing(513, 237_460_245, "6bb130bc94d91883d890db5e5f7b1159c85aaa9ca9e8c19fafc7d1e25cdf187c"),
    "pe-av frames": Listing(310, 317_152_256, "bae1e3d2b48a3d4bfddd1e47bb45b7adc1d9f2ce3c447327538a4afe246af806"),
    "vggish": Listing(18, 72_141_184, "d2971df61198b0fa7b0863352567308de6d413547cfbae7ba1d6d6292aae48bc"),
    "panns": Listing(84, 81_049_500, "424201651f08450cdc43ef05bf1aa7afc291dc425ba5b219715b94c6a73bc7f2"),
    "passt": Listing(159, 86_153_758, "b4e8cf5c1d73c1efb5c2baa4c7aa34c0ffed5e38fe9a91a8bfcc4840e6be33d3"),
    "laion-clap": Listing(504, 200_064_474, "b28be4adbbb8ff5d686ffee292f26949e88602a5ae6a372d07f3ba9e6373f018"),
    "ms-clap": Listing(357, 159_865_177, "d9ac09087b2a8968c6f580f2979b975b32fd1509943a664fb4d9836b695ae863"),
    "mn04": Listing(312, 993_485, "e2397b8453a78f70b2db4b2854e4d807ffd9ce7dc56c32b95cc9ad6f1eb145bf"),
    "resemblyzer": Listing(16, 1_423_618, "9d2db103f3d824a9a5a95199b4e0499e2265335c2ffaefa2a738732d19076e84"),
}
NETWORKS: dict[str, Callable[[TensorFile], torch.nn.Module]] = {
    "imagebind": imagebind.network_from,
    "synchformer": synchformer.network_from,
    "vggish": vggish.network_from,
    "panns": panns.network_from,
    "passt": passt.network_from,
    "laion-clap": laion_clap.network_from,
    "ms-clap": ms_clap.network_from,
    "mn04": efficientat.network_from,
    "resemblyzer": resemblyzer.network_from,
}


def published(name: str) -> Shapes:
    """The names and shapes of a published file, with the constants that some of them have."""
    layout: dict[str, Callable[[], Shapes]] = {
        "imagebind": lambda: towers(1280, 32, 768, 12, 1024, 14, 256) | others(),
        "synchformer": lambda: whole(768, 12, 12, 3, 196, 16),
        "pe-av frames": lambda: frame_shapes(1024, 24, 14, 576, 1024),
        "vggish": layouts.vggish,
        "panns": layouts.cnn14,
        "passt": layouts.passt,
        "laion-clap": lambda: layouts.laion_clap(
            layouts.htsat(128, (2, 2, 12, 2), (4, 8, 16, 32)), layouts.roberta(768, 12, 50_265, 514)
        ),
        "ms-clap": lambda: layouts.ms_clap(
            layouts.htsat(96, (2, 2, 6, 2), (4, 8, 16, 32)), layouts.gpt2(768, 12, 50_257, 1_024)
        ),
        "mn04": lambda: network_shapes(MobileNet),
        "resemblyzer": lambda: KEYS,
    }
    return layout[name]()


def as_file(shapes: Shapes) -> TensorFile:
    """A file of these names and shapes that takes no memory."""
    tensors = {name: torch.empty(shape, device="meta") for name, shape in shapes.items()}
    return TensorFile(Path("published.pth"), tensors, {})


@pytest.mark.parametrize("name", LISTINGS)
def test_the_layout_is_that_of_the_original(name: str) -> None:
    assert listing(published(name)) == LISTINGS[name]


@pytest.mark.parametrize("name", NETWORKS)
def test_a_file_of_the_published_names_loads_strictly(name: str) -> None:
    network = NETWORKS[name](as_file(published(name)))
    assert not network.training and not any(parameter.requires_grad for parameter in network.parameters())


@pytest.mark.parametrize("name", NETWORKS)
def test_constants_may_be_absent(name: str) -> None:
    left_out = (*CONSTANTS, ".attn_mask", ".relative_position_index")
    NETWORKS[name](as_file({key: shape for key, shape in published(name).items() if not key.endswith(left_out)}))


@pytest.mark.parametrize("name", NETWORKS)
def test_one_other_name_is_refused(name: str) -> None:
    shapes = published(name)
    changed = next(key for key in reversed(shapes) if key in _used(name, shapes))
    with pytest.raises(WeightsError, match=r"published\.pth do not fit their layout: .*Missing"):
        NETWORKS[name](as_file({f"{key}_" if key == changed else key: shape for key, shape in shapes.items()}))


def _used(name: str, shapes: Shapes) -> set[str]:
    """The names that are read at all, last layers first."""
    passed_over: dict[str, Any] = {"imagebind": others(), "resemblyzer": ("similarity_weight", "similarity_bias")}
    training = ("logit_scale", "audio_transform", "text_transform")
    return {key for key in shapes if key not in passed_over.get(name, ()) and not key.startswith(training)}


@pytest.mark.parametrize("name", ["imagebind", "synchformer", "passt", "mn04"])
def test_the_numbers_fill_the_published_file(name: str) -> None:
    """These files hold the weights alone: four bytes each, and some hundred bytes of header per tensor."""
    tensors, numbers = count(published(name))
    size = COMPONENTS[name].files[0].size_bytes
    assert size is not None and 100 * tensors < size - 4 * numbers < 500 * tensors


@pytest.mark.parametrize(("name", "path"), [("mn04", tagger_weights()), ("resemblyzer", resemblyzer_weights())])
def test_the_listing_is_that_of_the_published_file(name: str, path: Path | None) -> None:
    if path is None or not path.is_file():
        pytest.skip(f"the published weights of {name} are not on this machine")
    assert of_file(path) == LISTINGS[name]
