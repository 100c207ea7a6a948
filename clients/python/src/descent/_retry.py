"""When a request is sent again, and after which time. Decides; does not wait."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import Callable

from .errors import ApiError

LATER = frozenset({429, 502, 503, 504})
"""Answers that say that the same request may succeed later."""


@dataclass(frozen=True)
class Retry:
    """How patient a client is.

    The n-th repetition comes after `base_s * 2**n` seconds, at most `max_s`, of which a random half is left out so that many
    clients do not come back at the same moment. A server that says `Retry-After` is obeyed, unless it asks for more than
    `longest_s`.
    """

    attempts: int = 6
    base_s: float = 0.25
    max_s: float = 8.0
    longest_s: float = 60.0
    draw: Callable[[], float] = field(default=random.random, repr=False)
    """A number from 0 to 1."""

    def after_answer(self, attempt: int, error: ApiError, headers: Mapping[str, str]) -> float | None:
        """Seconds until the next attempt after this refusal; None when it is final. The first attempt is number 0."""
        running = error.code == "idempotency_in_progress"
        if not running and error.status not in LATER:
            return None
        delay = self.after_silence(attempt)
        asked = _retry_after(headers.get("Retry-After"))
        if delay is None or asked is None:
            return delay
        if asked > self.longest_s:
            return None
        return asked + self.base_s * self.draw()

    def after_silence(self, attempt: int) -> float | None:
        """Seconds until the next attempt when no answer came; None when there have been enough."""
        if attempt + 1 >= self.attempts:
            return None
        full = min(self.max_s, self.base_s * 2.0**attempt)
        return full * (1.0 - self.draw() / 2.0)


def _retry_after(value: str | None) -> float | None:
    """Seconds, from a number of them or from a date (RFC 9110, 10.2.3)."""
    if value is None:
        return None
    try:
        return max(0.0, float(value))
    except ValueError:
        pass
    try:
        then = parsedate_to_datetime(value)
    except (TypeError, ValueError):
        return None
    if then.tzinfo is None:
        then = then.replace(tzinfo=timezone.utc)
    return max(0.0, (then - datetime.now(timezone.utc)).total_seconds())
