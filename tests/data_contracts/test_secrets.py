"""What is logged, raised or shown never has a key, token or password of the environment."""

from __future__ import annotations

import io
import logging

import pytest

from data_contracts import ItemError, UsageError
from data_contracts.secrets import MASK, mask_log_records, masked

KEY = "sk-abc/123+def"


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.mark.parametrize(
    ("name", "value", "secret"),
    [
        ("OPENAI_API_KEY", "a-secret", "a-secret"),
        ("WANDB_API_KEY", "a-secret", "a-secret"),
        ("HF_TOKEN", "hf_abcdef", "hf_abcdef"),
        ("PREFECT_API_AUTH_STRING", "admin:pass1234", "admin:pass1234"),
        ("db_password", "s3cr3ts", "s3cr3ts"),
        ("OPENAI_BASE_URL", "https://user:pa55word@host/v1", "pa55word"),
        ("OPENAI_BASE_URL", "https://host/v1?api-key=0123456789", "0123456789"),
    ],
)
def test_secrets_are_known_by_their_names_and_places(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, secret: str
) -> None:
    monkeypatch.setenv(name, value)
    assert masked(f"the server says {secret!r}.") == f"the server says {MASK!r}."


@pytest.mark.parametrize(
    ("name", "value"),
    [("OPENAI_API_KEY", "none"), ("OPENAI_API_KEY", ""), ("PATH", "/usr/bin"), ("MONKEYS", "a dog barks")],
)
def test_placeholders_and_other_variables_stay(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    monkeypatch.setenv(name, value)
    assert masked("none /usr/bin a dog barks") == "none /usr/bin a dog barks"


def test_quoted_forms_are_masked_too(monkeypatch: pytest.MonkeyPatch) -> None:
    assert masked("?key=sk-abc%2F123%2Bdef") == f"?key={MASK}"
    monkeypatch.setenv("OPENAI_API_KEY", 'quote"back\\slash')
    assert masked('{"key": "quote\\"back\\\\slash"}') == f'{{"key": "{MASK}"}}'


def test_the_longer_of_two_secrets_is_masked_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_TOKEN", "abcdef")
    monkeypatch.setenv("B_TOKEN", "abcdefghi")
    assert masked("abcdefghi abcdef") == f"{MASK} {MASK}"


def test_an_error_has_no_secret() -> None:
    assert str(UsageError(f"401: bad key {KEY}")) == f"401: bad key {MASK}"
    error = ItemError("odd", f"the server says {KEY}")
    assert (error.reason, error.message, str(error)) == ("odd", f"the server says {MASK}", f"the server says {MASK}")


def test_log_lines_and_tracebacks_have_no_secret() -> None:
    mask_log_records()
    factory = logging.getLogRecordFactory()
    mask_log_records()
    assert logging.getLogRecordFactory() is factory
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    log = logging.getLogger("tests.secrets")
    log.addHandler(handler)
    try:
        log.warning("key %s of %d", KEY, 3)
        log.warning("100 %")
        try:
            raise ValueError(f"refused: {KEY}")
        except ValueError:
            log.exception("it failed")
    finally:
        log.removeHandler(handler)
    written = text.getvalue()
    assert KEY not in written and f"key {MASK} of 3" in written and "100 %" in written
    assert f"ValueError: refused: {MASK}" in written and "Traceback" in written
