"""The only reader of the environment: where the server is, and who asks."""

from __future__ import annotations

import os

from .errors import MissingToken

URL = "http://127.0.0.1:8080"


def settings(url: str | None, token: str | None) -> tuple[str, str]:
    """URL and token: as given, else DESCENT_URL and DESCENT_TOKEN, else the server's default address."""
    url = url or os.environ.get("DESCENT_URL") or URL
    token = token or os.environ.get("DESCENT_TOKEN")
    if not token:
        raise MissingToken(
            "no token: pass Client(token=...) or set DESCENT_TOKEN. A server's first start writes one to admin.token in "
            "its data folder; `descent token create` makes others."
        )
    return url.rstrip("/"), token.strip()
