"""A checkpoint loaded with the codec and the encoders that belong to it, or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import soundfile as sf

from data_contracts import FoleyGenExError, MismatchError, UsageError
from model import checkpoint
from model.variants import VARIANTS
from tasks.commands.generate import session as session_module
from tasks.commands.generate.session import InferenceSession
from tasks.commands.generate.single import generate_file
from tasks.evaluate.sampling import SamplingSettings
from tests.tasks.commands.generate.toys import SPECS, ToyCodec, ToyImage, ToySync, ToyText, options, sidecar

LOADERS = {"text": "load_text_encoder", "image": "load_image_encoder", "sync": "load_sync_encoder"}


def test_g8_variants_share_weights_or_are_refused(files: Path, tmp_path: Path) -> None:
    first = generate_file(options(files, "fe", tmp_path / "a.wav"))
    second = generate_file(options(files, "fe", tmp_path / "b.wav", variant="no-sum"))
    assert first.read_bytes() != second.read_bytes()
    assert sidecar(second)["sampling"]["sum_reference"] == "never"
    with pytest.raises(MismatchError, match="variant mmaudio-s1 needs the weights of mmaudio"):
        generate_file(options(files, "fe", tmp_path / "c.wav", variant="mmaudio-s1"))


def test_an_option_wins_over_the_variants_and_the_variant_over_the_default(files: Path, tmp_path: Path) -> None:
    kept = options(files, "tta", tmp_path / "a.wav", variant="no-sum")
    assert InferenceSession.of(kept).generator.sampling.sum_reference == "never"
    set_ = InferenceSession.of(replace(kept, sampling=SamplingSettings(sum_reference="path"))).generator.sampling
    assert set_.sum_reference == "path"
    assert InferenceSession.of(replace(kept, variant=None)).generator.sampling.sum_reference == "start"


def test_bf16_is_near_fp32_and_the_sidecar_says_which(files: Path, tmp_path: Path) -> None:
    full, half = (options(files, "tta", tmp_path / f"{kind}.wav", precision=kind) for kind in ("fp32", "bf16"))
    one, two = (sf.read(generate_file(given))[0] for given in (full, half))
    assert 0 < np.abs(one - two).max() < 0.1
    assert [sidecar(given.out)["precision"] for given in (full, half)] == ["fp32", "bf16"]


def test_another_codec_is_refused(files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = ToyCodec()
    object.__setattr__(other, "spec", replace(SPECS.codec, weights_sha256="d" * 64))
    monkeypatch.setattr(session_module, "load_codec", lambda _: other)
    with pytest.raises(MismatchError, match="--codec"):
        generate_file(options(files, "tta", tmp_path / "a.wav"))


def test_a_missing_checkpoint_says_how_to_get_one(files: Path, tmp_path: Path) -> None:
    with pytest.raises(FoleyGenExError, match="foleygenex run train"):
        generate_file(options(files, "tta", tmp_path / "a.wav", checkpoint=tmp_path / "none"))


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_of_the_same_weights_opens_and_no_other(files: Path, name: str) -> None:
    if VARIANTS[name].weights == "full":
        assert InferenceSession.open(files / "c.safetensors", named=name).variant is VARIANTS[name]
    else:
        with pytest.raises(MismatchError, match=f"needs the weights of {VARIANTS[name].weights}, the checkpoint was"):
            InferenceSession.open(files / "c.safetensors", named=name)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"named": "m-9"}, "variant 'm-9' is unknown; choose one of full"),
        ({"precision": "fp8"}, "--precision 'fp8' is unknown; choose one of fp32, bf16"),
    ],
)
def test_unknown_names_are_refused(files: Path, changes: dict[str, str], message: str) -> None:
    with pytest.raises(UsageError) as caught:
        InferenceSession.open(files / "c.safetensors", **changes)  # type: ignore[arg-type]
    assert message in str(caught.value)


@pytest.mark.parametrize(("name", "toy"), [("text", ToyText()), ("image", ToyImage()), ("sync", ToySync())])
def test_an_encoder_is_loaded_when_first_used_and_once(
    session: InferenceSession, monkeypatch: pytest.MonkeyPatch, name: str, toy: object
) -> None:
    loaded: list[str] = []
    for loader in LOADERS.values():
        monkeypatch.setattr(session_module, loader, lambda *_, of=loader: loaded.append(of) or toy)
    assert getattr(session, name) is getattr(session, name) and loaded == [LOADERS[name]]


@pytest.mark.parametrize(
    ("name", "component", "toy"),
    [("text", "text", ToyText()), ("image", "clip", ToyImage()), ("sync", "sync", ToySync())],
)
def test_an_encoder_with_other_weights_is_refused(
    session: InferenceSession, monkeypatch: pytest.MonkeyPatch, name: str, component: str, toy: ToyText
) -> None:
    other = replace(toy)
    object.__setattr__(other, "spec", replace(getattr(SPECS, component), weights_sha256="9" * 64))
    monkeypatch.setattr(session_module, LOADERS[name], lambda *_: other)
    with pytest.raises(MismatchError, match=f"{component}: the checkpoint uses toy-{component}"):
        getattr(session, name)


def test_the_note_says_how_far_this_is_from_the_paper(session: InferenceSession) -> None:
    assert session.note.startswith("The network was trained for 1 steps. Small placeholders replace components")
    assert all(name in session.note for name in session.specs.placeholders())
    spec = {name: replace(getattr(SPECS, name), placeholder=False) for name in ("codec", "text", "clip", "sync")}
    network = session.generator.network
    network.specs = replace(SPECS, **spec)
    assert session.note == "The network was trained for 1 steps, with the paper's components."


def test_the_hash_is_that_of_the_checkpoint_file(files: Path, session: InferenceSession, tmp_path: Path) -> None:
    copy = tmp_path / "copy.safetensors"
    copy.write_bytes((files / "c.safetensors").read_bytes())
    assert InferenceSession.open(copy).checkpoint_sha256 == session.checkpoint_sha256


def test_the_built_in_checkpoint_is_labelled_in_the_note_and_the_sidecar(
    files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint, "BUILTIN_FILE", files / "c.safetensors")
    by_name = generate_file(options(files, "tta", tmp_path / "a.wav", checkpoint=Path("builtin")))
    by_path = generate_file(options(files, "tta", tmp_path / "b.wav"))  # the same file
    assert by_name.read_bytes() == by_path.read_bytes()
    for out in (by_name, by_path):
        assert sidecar(out)["checkpoint"] == "builtin"
        assert sidecar(out)["note"].startswith("The built-in network was trained on rendered sounds, for 1 steps. ")
    monkeypatch.setattr(checkpoint, "BUILTIN_FILE", tmp_path / "none")
    other = sidecar(generate_file(options(files, "tta", tmp_path / "c.wav")))
    assert other["checkpoint"] == "c.safetensors" and other["note"].startswith("The network was trained for 1 steps")


@pytest.mark.parametrize(("share", "rendered"), [(1.0, True), (0.5, False), (0.0, False), (None, False)])
def test_weights_trained_on_rendered_clips_alone_are_labelled(
    session: InferenceSession, files: Path, tmp_path: Path, share: float | None, rendered: bool
) -> None:
    info = replace(session.info, training={"rendered_share": share})
    labelled = replace(session, info=info)
    assert labelled.rendered is rendered and not session.rendered
    assert ("was trained on rendered sounds, for 1 steps" in labelled.note) is rendered
    assert (
        sidecar(generate_file(options(files, "tta", tmp_path / "a.wav"), labelled))["trained_on_rendered"] is rendered
    )
