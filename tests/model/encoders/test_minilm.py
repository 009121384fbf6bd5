"""MiniLM token states (SPEC M6)."""

import pytest
import torch

from model.encoders import load_text_encoder


@pytest.fixture(scope="module")
def encoder():
    return load_text_encoder("minilm")


def test_m6_states_are_unit_scale_and_zero_after_the_last_token(encoder):
    (states,) = encoder.encode(["a dog runs"])
    assert states.shape == (encoder.spec.tokens, encoder.spec.dim) == (32, 384)
    used = states.abs().sum(dim=1) > 0
    assert used.tolist() == [True] * 5 + [False] * 27  # [CLS] a dog runs [SEP]
    torch.testing.assert_close(states[:5].pow(2).mean(dim=1), torch.ones(5), atol=2e-3, rtol=0)


def test_a_text_alone_and_among_others_gives_the_same_bits(encoder):
    texts = ["rain", "a wooden block is struck quickly and loudly", "rain on a tin roof " * 20, ""]
    together = encoder.encode(texts)
    for index, text in enumerate(texts):
        assert torch.equal(encoder.encode([text])[0], together[index])


@pytest.mark.parametrize("words", [0, 1, 29, 30, 31, 32, 60, 61, 200])
def test_tokens_are_counted_past_what_is_read(encoder, words: int) -> None:
    """One token a word, and the marks of start and end; never more rows than the encoder has."""
    text = " ".join(["dog"] * words)
    assert encoder.token_count(text) == words + 2
    assert int(encoder.encode([text])[0].any(dim=-1).sum()) == min(words + 2, encoder.spec.tokens)


def test_no_texts_give_an_empty_batch(encoder):
    assert encoder.encode([]).shape == (0, 32, 384)


def test_meaning_is_in_the_states(encoder):
    texts = ["a car engine starts", "an automobile motor turns on", "birds sing in a forest"]
    pooled = [states[states.abs().sum(dim=1) > 0].mean(dim=0) for states in encoder.encode(texts)]
    near, far = (torch.cosine_similarity(pooled[0], other, dim=0) for other in pooled[1:])
    assert near > far + 0.2


def test_sentence_vectors_are_the_mean_of_token_states_and_of_unit_length(encoder):
    texts = ["a car engine starts", "an automobile motor turns on", "birds sing in a forest", ""]
    vectors_BD = encoder.sentences(texts)
    assert vectors_BD.shape == (4, encoder.spec.dim)
    torch.testing.assert_close(vectors_BD.norm(dim=1), torch.ones(4))
    for text, vector_D in zip(texts, vectors_BD, strict=True):
        assert torch.equal(encoder.sentences([text])[0], vector_D)
    assert vectors_BD[0] @ vectors_BD[1] > 0.5 > 0.3 > vectors_BD[0] @ vectors_BD[2]
    assert encoder.sentences([]).shape == (0, encoder.spec.dim)


def test_the_weights_are_pinned_and_labelled_as_a_placeholder(encoder):
    assert encoder.spec.placeholder
    assert len(encoder.spec.weights_sha256) == 64
