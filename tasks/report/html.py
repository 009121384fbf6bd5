"""Self-contained HTML pages: the template engine, and the style and script that every page carries.

A page fetches nothing and runs no foreign code: its content security policy allows only this package's style and
script, by hash, and `data:` media.
"""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE: Final = Path(__file__).parent


def environment(*more: Path) -> Environment:
    """Returns the template engine, which escapes all text; `more`: folders of templates besides the report's own."""
    return Environment(
        loader=FileSystemLoader([*more, _HERE / "templates"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def page_assets(*more: Path) -> dict[str, Any]:
    """Returns style and script with the hashes by which the page's policy allows them; `more`: further style sheets."""
    style = "".join(path.read_text("utf-8") for path in (_HERE / "assets" / "report.css", *more))
    script = (_HERE / "assets" / "report.js").read_text("utf-8")
    return {
        "style": Markup(style),  # noqa: S704 - this package's own file
        "script": Markup(script),  # noqa: S704 - this package's own file
        "style_hash": _csp_hash(style),
        "script_hash": _csp_hash(script),
    }


def _csp_hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
