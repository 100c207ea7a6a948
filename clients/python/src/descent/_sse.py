"""Server-sent events, line by line (WHATWG HTML, 9.2.6)."""

from __future__ import annotations

import json
from typing import Any


class Decoder:
    """Takes the lines of a stream and gives an event whenever one is complete."""

    def __init__(self) -> None:
        self.last_id: str | None = None
        """Number of the last complete event: where to go on after an interruption."""
        self._id: str | None = None
        self._data: list[str] = []

    def feed(self, line: str) -> dict[str, Any] | None:
        """The event that this line completes."""
        if line == "":
            data, self._data = self._data, []
            self.last_id = self._id or self.last_id
            return json.loads("\n".join(data)) if data else None
        name, _, value = line.partition(":")
        value = value[1:] if value.startswith(" ") else value
        if name == "id":
            self._id = value
        elif name == "data":
            self._data.append(value)
        return None

    def interrupted(self) -> None:
        """The connection ended: half an event is no event."""
        self._id, self._data = None, []
