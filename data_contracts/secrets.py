"""Masks secrets in text that leaves the process: the keys, tokens and passwords of its environment.

A server may repeat a key in an error message or in an answer; what is logged, stored or shown must not have it.
"""

from __future__ import annotations

import json
import logging
import os
import re
import traceback
from typing import Final
from urllib.parse import quote

MASK: Final = "***"
_NAMES: Final = re.compile(r"(^|_)(KEY|APIKEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIALS|AUTH_STRING)$", re.IGNORECASE)
_IN_URLS: Final = (
    re.compile(r"://[^/@\s:]*:([^/@\s]+)@"),
    re.compile(r"[?&](?:api[-_]?key|key|token|sig|secret)=([^&\s]+)", re.IGNORECASE),
)
_SHORTEST: Final = 6  # a shorter value is a placeholder such as `none`, and a part of many words


def masked(text: str) -> str:
    """Returns text with `***` in place of each secret of the environment, also where it is quoted for JSON or a URL."""
    for secret in _secrets():
        if secret in text:
            text = text.replace(secret, MASK)
    return text


def mask_log_records() -> None:
    """Masks secrets in every log record of this process from now on, also in tracebacks. A second call does nothing."""
    make = logging.getLogRecordFactory()
    if getattr(make, "masks_secrets", False):
        return

    def factory(*args: object, **kwargs: object) -> logging.LogRecord:
        record = make(*args, **kwargs)
        message = record.getMessage()
        if (safe := masked(message)) != message:
            record.msg, record.args = safe, ()
        if record.exc_info and record.exc_info[1] is not None:
            trace = "".join(traceback.format_exception(record.exc_info[1])).rstrip("\n")
            if (safe := masked(trace)) != trace:
                record.exc_text = safe  # a formatter takes this one in place of its own
        return record

    factory.masks_secrets = True  # type: ignore[attr-defined]
    logging.setLogRecordFactory(factory)


def _secrets() -> list[str]:
    """Returns the secrets as they may appear, the longest first: one may be a part of another."""
    found: set[str] = set()
    for name, value in os.environ.items():
        if _NAMES.search(name):
            found.add(value)
        elif "://" in value:
            found.update(match for pattern in _IN_URLS for match in pattern.findall(value))
    forms = {
        form for one in found if len(one) >= _SHORTEST for form in (one, quote(one, safe=""), json.dumps(one)[1:-1])
    }
    return sorted(forms, key=len, reverse=True)
