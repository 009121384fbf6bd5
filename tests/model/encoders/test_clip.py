"""CLIP's text and images (SPEC M6, M7): both layouts, against plain formulas; tokens against a slow BPE."""

from __future__ import annotations

import json
import math
import re
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from data_contracts import ContractError, WeightsError
from model.codec.torchaudio_shim import prepare_torchaudio
from model.encoders import load_image_encoder, load_text_encoder
from model.encoders.clip_files import from_open_clip
from tests.model.codec.layouts import Shapes, count, random_tensors

MERGES = ["d o", "do g</w>", "r u", "ru n", "run s</w>", "a</w> b", "a b", "t h", "th e</w>", "1 2"]
PIECES = ["a", "b", "d", "o", "g", "r", "u", "n", "s", "t", "h", "e", "1", "2", "!", ".", "&", "'", "Ã", "©", "é"]
WIDTH, HEADS, LAYERS, EMBED, PATCH, IMAGE, LENGTH = 16, 2, 2, 8, 126, 378, 9


def vocabulary() -> dict[str, int]:
    names = [*PIECES, *(f"{piece}</w>" for piece in PIECES), *(merge.replace(" ", "") for merge in MERGES)]
    names = list(dict.fromkeys(names))
    return {name: number for number, name in enumerate([*names, "<|startoftext|>", "<|endoftext|>"])}


def open_clip(
    width: int, text: int, layers: tuple[int, int], embed: int, patches: int, patch: int, words: int
) -> Shapes:
    """open_clip's names: `width` of the vision tower, `text` of the text."""

    def tower(prefix: str, wide: int, depth: int) -> Shapes:
        shapes: Shapes = {}
        for layer in range(depth):
            name = f"{prefix}transformer.resblocks.{layer}"
            shapes |= {f"{name}.attn.in_proj_weight": (3 * wide, wide), f"{name}.attn.in_proj_bias": (3 * wide,)}
            for part, out, fan in (
                ("attn.out_proj", wide, wide),
                ("mlp.c_fc", 4 * wide, wide),
                ("mlp.c_proj", wide, 4 * wide),
            ):
                shapes |= {f"{name}.{part}.weight": (out, fan), f"{name}.{part}.bias": (out,)}
            for norm in ("ln_1", "ln_2"):
                shapes |= {f"{name}.{norm}.weight": (wide,), f"{name}.{norm}.bias": (wide,)}
        return shapes

    shapes: Shapes = {
        "positional_embedding": (LENGTH if text < 1024 else 77, text),
        "text_projection": (text, embed),
        "logit_scale": (),
        "token_embedding.weight": (words, text),
        "ln_final.weight": (text,),
        "ln_final.bias": (text,),
        "visual.class_embedding": (width,),
        "visual.positional_embedding": (1 + patches, width),
        "visual.proj": (width, embed),
        "visual.conv1.weight": (width, 3, patch, patch),
    }
    for norm in ("ln_pre", "ln_post"):
        shapes |= {f"visual.{norm}.weight": (width,), f"visual.{norm}.bias": (width,)}
    return shapes | tower("", text, layers[0]) | tower("visual.", width, layers[1])


def tiny() -> dict[str, torch.Tensor]:
    return random_tensors(open_clip(WIDTH, WIDTH, (LAYERS, LAYERS), EMBED, 9, PATCH, len(vocabulary())))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("clip")
    write_folder(path)
    return path


def write_folder(path: Path) -> None:
    """Writes a small CLIP in open_clip's layout: images of 378 pixels, nine tokens."""
    config = {
        "model_cfg": {
            "embed_dim": EMBED,
            "quick_gelu": True,
            "vision_cfg": {
                "image_size": IMAGE,
                "layers": LAYERS,
                "width": WIDTH,
                "head_width": WIDTH // HEADS,
                "patch_size": PATCH,
            },
            "text_cfg": {
                "context_length": LENGTH,
                "vocab_size": len(vocabulary()),
                "width": WIDTH,
                "heads": HEADS,
                "layers": LAYERS,
            },
        },
        "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073]},
    }
    (path / "open_clip_config.json").write_text(json.dumps(config))
    torch.save(tiny(), path / "open_clip_pytorch_model.bin")
    write_words(path)


def write_words(path: Path) -> None:
    (path / "vocab.json").write_text(json.dumps(vocabulary()), "utf-8")
    (path / "merges.txt").write_text("#version: 0.2\n" + "\n".join(MERGES) + "\n", "utf-8")


def slow_tokens(text: str) -> list[int]:
    """Byte pairs by hand: split into words, join the pair of the lowest rank until none is left."""
    ranks, known = {tuple(merge.split()): rank for rank, merge in enumerate(MERGES)}, vocabulary()
    ids = [known["<|startoftext|>"]]
    for word in re.findall(r"'s|'t|'re|'ve|'m|'ll|'d|[^\W\d_]+|\d|[^\s\w]+", text.lower()):
        letters = ["Ã" if b == 0xC3 else "©" if b == 0xA9 else chr(b) for b in word.encode()]
        parts = [*letters[:-1], letters[-1] + "</w>"]
        while pairs := [pair for pair in pairwise(parts) if pair in ranks]:
            best = min(pairs, key=lambda pair: ranks[pair])
            place = list(pairwise(parts)).index(best)
            parts[place : place + 2] = ["".join(best)]
        ids += [known[part] for part in parts]
    return [*ids[: LENGTH - 1], known["<|endoftext|>"]]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "the dog runs",
        "The  DOG\truns!",
        "dog's ab 12",
        "é dog",
        "the dog runs the dog runs the dog runs",
        "a.b",
        "d",
    ],
)
def test_tokens_are_the_slow_byte_pairs_padded_with_zero(folder: Path, text: str) -> None:
    row = load_text_encoder(f"clip-dfn5b:{folder}").tokens([text])[0].tolist()
    expected = slow_tokens(text)
    assert row == expected + [0] * (LENGTH - len(expected))


def test_tokens_are_counted_past_what_is_read(folder: Path) -> None:
    encoder = load_text_encoder(f"clip-dfn5b:{folder}")
    counts = [encoder.token_count(" ".join(["dog"] * words)) for words in range(LENGTH + 5)]
    each = counts[1] - counts[0]
    assert counts == [2 + each * words for words in range(LENGTH + 5)] and each >= 1
    for text in ("", "the dog runs", "dog &amp;amp; run"):
        assert encoder.token_count(text) == len(slow_tokens(text.replace("&amp;amp;", "&")))


def test_html_entities_are_resolved_before_tokens(folder: Path) -> None:
    tokens = load_text_encoder(f"clip-dfn5b:{folder}").tokens
    assert torch.equal(tokens(["dog &amp;amp; run"]), tokens([" dog & run "]))


def quick_gelu(x: torch.Tensor) -> torch.Tensor:
    return x * torch.sigmoid(1.702 * x)


def plain_tower(t: dict[str, torch.Tensor], prefix: str, x: torch.Tensor, *, causal: bool) -> torch.Tensor:
    """CLIP's residual blocks on one sequence (L, D) from open_clip's own tensors."""
    for layer in range(LAYERS):
        name = f"{prefix}transformer.resblocks.{layer}"
        seen = torch.layer_norm(x, (WIDTH,), t[f"{name}.ln_1.weight"], t[f"{name}.ln_1.bias"])
        query, key, value = (seen @ t[f"{name}.attn.in_proj_weight"].T + t[f"{name}.attn.in_proj_bias"]).chunk(3, dim=1)
        mixed = []
        for head in range(HEADS):
            part = slice(head * WIDTH // HEADS, (head + 1) * WIDTH // HEADS)
            scores = query[:, part] @ key[:, part].T / math.sqrt(WIDTH // HEADS)
            if causal:
                scores = scores + torch.full_like(scores, -math.inf).triu(1)
            mixed.append(scores.softmax(-1) @ value[:, part])
        x = x + torch.cat(mixed, 1) @ t[f"{name}.attn.out_proj.weight"].T + t[f"{name}.attn.out_proj.bias"]
        seen = torch.layer_norm(x, (WIDTH,), t[f"{name}.ln_2.weight"], t[f"{name}.ln_2.bias"])
        inner = quick_gelu(seen @ t[f"{name}.mlp.c_fc.weight"].T + t[f"{name}.mlp.c_fc.bias"])
        x = x + inner @ t[f"{name}.mlp.c_proj.weight"].T + t[f"{name}.mlp.c_proj.bias"]
    return x


def test_text_is_every_tokens_state_after_the_last_norm_of_length_one(folder: Path) -> None:
    t, text = tiny(), "the dog runs"
    states = load_text_encoder(f"clip-dfn5b:{folder}").encode([text])[0]
    ids = slow_tokens(text)
    ids += [0] * (LENGTH - len(ids))  # padding is attended to: there is no mask but the causal one
    x = plain_tower(t, "", t["token_embedding.weight"][ids] + t["positional_embedding"], causal=True)
    expected = torch.layer_norm(x, (WIDTH,), t["ln_final.weight"], t["ln_final.bias"])
    torch.testing.assert_close(states, expected / expected.norm(dim=1, keepdim=True), rtol=1e-4, atol=1e-5)


def frames(number: int) -> np.ndarray:
    return np.random.default_rng(3).integers(0, 256, (number, 384, 384, 3), np.uint8)


def test_images_are_the_projected_class_token_of_length_one_and_the_last_six_lines_do_not_count(folder: Path) -> None:
    t, encoder = tiny(), load_image_encoder(f"clip-dfn5b:{folder}")
    assert (encoder.size, encoder.fit, encoder.spec.rate_hz, encoder.spec.length(8.0)) == (384, "squash", 8.0, 64)
    images = frames(2)
    vectors = encoder.encode(images)
    changed = images.copy()
    changed[:, 378:], changed[:, :, 378:] = 0, 0
    assert torch.equal(vectors, encoder.encode(changed))
    pixels = torch.from_numpy(images[0]).float() / 255
    pixels = (pixels - torch.tensor([0.48145466, 0.4578275, 0.40821073])) / torch.tensor(
        [0.26862954, 0.26130258, 0.27577711]
    )
    patches = [pixels[y : y + PATCH, x : x + PATCH] for y in range(0, IMAGE, PATCH) for x in range(0, IMAGE, PATCH)]
    tokens = torch.stack([torch.einsum("yxc,dcyx->d", patch, t["visual.conv1.weight"]) for patch in patches])
    x = torch.cat([t["visual.class_embedding"][None], tokens]) + t["visual.positional_embedding"]
    x = torch.layer_norm(x, (WIDTH,), t["visual.ln_pre.weight"], t["visual.ln_pre.bias"])
    x = plain_tower(t, "visual.", x, causal=False)[0]
    expected = torch.layer_norm(x, (WIDTH,), t["visual.ln_post.weight"], t["visual.ln_post.bias"]) @ t["visual.proj"]
    torch.testing.assert_close(vectors[0], expected / expected.norm(), rtol=1e-3, atol=1e-4)


def test_a_sentence_and_a_frame_do_not_depend_on_their_company(folder: Path) -> None:
    text, image = load_text_encoder(f"clip-dfn5b:{folder}"), load_image_encoder(f"clip-dfn5b:{folder}")
    together = text.encode(["the dog", "a run", ""])
    assert torch.equal(together[1], text.encode(["a run"])[0])
    assert text.encode([]).shape == (0, LENGTH, WIDTH)
    torch.testing.assert_close(image.encode(frames(3))[:1], image.encode(frames(3)[:1]), rtol=1e-5, atol=1e-6)


def test_transformers_layout_gives_the_same(folder: Path, tmp_path: Path) -> None:
    sizes = {
        "hidden_size": WIDTH,
        "intermediate_size": 4 * WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
    }
    text = {**sizes, "vocab_size": len(vocabulary()), "max_position_embeddings": LENGTH, "hidden_act": "quick_gelu"}
    vision = {**sizes, "image_size": IMAGE, "patch_size": PATCH, "hidden_act": "quick_gelu"}
    config = {"model_type": "clip", "projection_dim": EMBED, "text_config": text, "vision_config": vision}
    (tmp_path / "config.json").write_text(json.dumps(config))
    save_file(from_open_clip(tiny()), str(tmp_path / "model.safetensors"))
    write_words(tmp_path)
    for load in (load_text_encoder, load_image_encoder):
        first, second = load(f"clip-dfn5b:{folder}"), load(f"clip_dfn5b:{tmp_path}")
        given = ["the dog"] if load is load_text_encoder else frames(1)
        torch.testing.assert_close(first.encode(given), second.encode(given), rtol=1e-5, atol=1e-6)
        assert second.spec.placeholder and second.spec.weights_sha256 != first.spec.weights_sha256


def test_full_size_has_the_published_counts_and_transformers_takes_every_tensor() -> None:
    prepare_torchaudio()
    from transformers import CLIPTextConfig, CLIPTextModel, CLIPVisionConfig, CLIPVisionModelWithProjection

    shapes = open_clip(1280, 1024, (24, 32), 1024, 27 * 27, 14, 49_408)
    vision = {name: shape for name, shape in shapes.items() if name.startswith("visual.")}
    assert round(count(vision)[1] / 1e6, 1) == 632.7
    assert round(count(shapes)[1] / 1e6, 1) == 986.7
    assert 3_947_081_637 - 4 * count(shapes)[1] < 400_000  # the file's size less its numbers is its directory
    with torch.device("meta"):
        named = from_open_clip({name: torch.empty(shape) for name, shape in shapes.items()})
        common = {"projection_dim": 1024, "hidden_act": "quick_gelu", "num_attention_heads": 16}
        text = CLIPTextModel(CLIPTextConfig(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, **common))
        config = CLIPVisionConfig(
            hidden_size=1280, intermediate_size=5120, num_hidden_layers=32, image_size=378, patch_size=14, **common
        )
        vision_tower = CLIPVisionModelWithProjection(config)
    ours = {f"text_model.{name}": tuple(value.shape) for name, value in text.state_dict().items()}
    ours |= {name: tuple(value.shape) for name, value in vision_tower.state_dict().items()}
    theirs = {name: tuple(value.shape) for name, value in named.items()}
    assert ours == {
        name: shape for name, shape in theirs.items() if name not in ("logit_scale", "text_projection.weight")
    }


def test_wrong_files_are_refused_in_one_line(folder: Path, tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"has no CLIP weights; expected open_clip_config\.json"):
        load_image_encoder(f"clip-dfn5b:{tmp_path}")
    for name in ("open_clip_config.json", "open_clip_pytorch_model.bin"):
        (tmp_path / name).write_bytes((folder / name).read_bytes())
    load_image_encoder(f"clip-dfn5b:{tmp_path}")  # images need no vocabulary
    with pytest.raises(WeightsError, match=r"vocab\.json is missing"):
        load_text_encoder(f"clip-dfn5b:{tmp_path}")
    write_words(tmp_path)
    (tmp_path / "vocab.json").write_text(json.dumps({**vocabulary(), "more": 99}), "utf-8")
    with pytest.raises(WeightsError, match="do not belong together"):
        load_text_encoder(f"clip-dfn5b:{tmp_path}")
    torch.save({**tiny(), "bottleneck.weight": torch.zeros(1)}, tmp_path / "open_clip_pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"bottleneck\.weight is not of open_clip's"):
        load_image_encoder(f"clip-dfn5b:{tmp_path}")
    short = {name: value for name, value in tiny().items() if name != "visual.ln_post.bias"}
    torch.save(short, tmp_path / "open_clip_pytorch_model.bin")
    with pytest.raises(WeightsError, match=r"do not fit.*post_layernorm\.bias"):
        load_image_encoder(f"clip-dfn5b:{tmp_path}")
    with pytest.raises(ContractError, match="384"):
        load_image_encoder(f"clip-dfn5b:{folder}").encode(np.zeros((1, 378, 378, 3), np.uint8))
