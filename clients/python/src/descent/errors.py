"""Everything that can go wrong, as exceptions.

```
DescentError
├── ApiError                  the server refused; has code, violations, request_id
│   ├── InvalidRequest        400, 413, 415, 422: wrong, and repeating it does not help; a ValueError too
│   │   └── InvalidSpec       the spec has errors, each with its pointer
│   ├── Unauthorized          401: no good token
│   ├── Forbidden             403: the token may not do this
│   ├── NotFound              404: absent, or somebody else's
│   ├── Conflict              409, 412, 428: not in this state; may succeed later
│   ├── RateLimited           429: too much at this moment; was repeated and still refused
│   └── ServerError           5xx
│       └── Unavailable       502, 503, 504, 507: overloaded, stopping, or its disk is full
├── ConnectionFailed          no answer, also after all repetitions
├── RunFailed                 a run that was waited for failed
├── WaitTimeout               it was not over in time; it goes on
├── MissingToken              neither an argument nor DESCENT_TOKEN
└── MissingDependency         an optional package is not installed
```
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "ApiError",
    "Conflict",
    "ConnectionFailed",
    "DescentError",
    "Forbidden",
    "InvalidRequest",
    "InvalidSpec",
    "MissingDependency",
    "MissingToken",
    "NotFound",
    "RateLimited",
    "RunFailed",
    "ServerError",
    "Unauthorized",
    "Unavailable",
    "Violation",
    "WaitTimeout",
]


class DescentError(Exception):
    """What all exceptions of this package are."""


@dataclass(frozen=True)
class Violation:
    """One thing that is wrong with a request or a file."""

    code: str
    """Stable name of the mistake, such as `out_of_range`."""
    message: str
    """What is wrong and what would be right."""
    pointer: str | None = None
    """JSON Pointer (RFC 6901) into what was sent; `?name` for a query parameter."""
    allowed: Any = None
    """What is allowed there: a list, a range, a type."""
    got: Any = None
    """What was found there."""
    line: int | None = None
    """Line of an uploaded file, from 1."""
    column: str | None = None
    """Column of an uploaded file."""

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Violation:
        """Reads a member of a problem's `errors`."""
        return cls(**{name: document.get(name) for name in cls.__dataclass_fields__})  # type: ignore[arg-type]

    def __str__(self) -> str:
        place = self.pointer
        if place is None and self.line is not None:
            place = f"line {self.line}" if self.column is None else f"line {self.line}, column {self.column}"
        return self.message if place is None else f"{place}: {self.message}"


class ApiError(DescentError):
    """The server refused a request (a problem document of RFC 9457)."""

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        """The HTTP status code."""
        self.code: str = str(problem.get("code", f"http_{status}"))
        """Stable name of the problem, such as `invalid_spec`."""
        self.detail: str = str(problem.get("detail") or problem.get("title") or f"HTTP status {status}")
        """What happened, and what would be right."""
        self.request_id: str | None = problem.get("request_id")
        """Finds the request in the server's log."""
        self.violations: list[Violation] = [Violation.of(one) for one in problem.get("errors") or ()]
        """Each single thing that is wrong."""
        self.problem: dict[str, Any] = dict(problem)
        """The whole answer."""
        super().__init__(status, problem)

    @property
    def pointer(self) -> str | None:
        """Where the first violation is."""
        return self.violations[0].pointer if self.violations else None

    @property
    def messages(self) -> list[str]:
        """One sentence for each thing that is wrong."""
        return [one.message for one in self.violations] or [self.detail]

    @property
    def message(self) -> str:
        """The first of the messages."""
        return self.messages[0]

    def __str__(self) -> str:
        text = f"{self.detail} [{self.code}]"
        # A problem with one violation often says the same twice.
        violations = [one for one in self.violations if one.pointer is not None or one.message != self.detail]
        return "\n  ".join([text, *map(str, violations)])


class InvalidRequest(ApiError, ValueError):
    """The request makes no sense, and repeating it will not help."""


class InvalidSpec(InvalidRequest):
    """A spec has errors; all of them are in `violations`."""


class Unauthorized(ApiError):
    """There is no token, or it is unknown, expired or revoked."""


class Forbidden(ApiError):
    """The token's scopes do not allow this."""


class NotFound(ApiError):
    """There is no such thing, or it belongs to somebody else."""


class Conflict(ApiError):
    """The thing is not in the right state; the same request may succeed later."""


class RateLimited(ApiError):
    """Above a rate or a quota of the moment, also after waiting as the server asked."""


class ServerError(ApiError):
    """The server's fault; `request_id` finds the cause in its log."""


class Unavailable(ServerError):
    """The server is overloaded, stopping, or has no space left."""


class ConnectionFailed(DescentError):
    """No answer came, also after all repetitions."""


class RunFailed(DescentError):
    """A run that was waited for ended as `failed`."""

    def __init__(self, run_id: str, name: str, reason: Mapping[str, Any] | None) -> None:
        self.run_id = run_id
        """Which run."""
        self.code: str | None = None if reason is None else reason.get("code")
        """Why, as a stable name such as `diverged`."""
        self.reason = reason
        """The whole reason."""
        message = "no reason is on record" if reason is None else reason.get("message")
        super().__init__(f"run {name} ({run_id}) failed: {message} [{self.code}]")


class WaitTimeout(DescentError, TimeoutError):
    """What was waited for was not over in time. It goes on at the server."""


class MissingToken(DescentError):
    """There is nothing to identify oneself with."""


class MissingDependency(DescentError, ImportError):
    """An optional package is wanted and not installed."""


_BY_STATUS: dict[int, type[ApiError]] = {
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    409: Conflict,
    412: Conflict,
    428: Conflict,
    429: RateLimited,
    502: Unavailable,
    503: Unavailable,
    504: Unavailable,
    507: Unavailable,
}


def api_error(status: int, problem: Mapping[str, Any]) -> ApiError:
    """The exception for an answer that refuses."""
    if problem.get("code") == "invalid_spec":
        return InvalidSpec(status, problem)
    kind = _BY_STATUS.get(status) or (ServerError if status >= 500 else InvalidRequest)
    return kind(status, problem)
