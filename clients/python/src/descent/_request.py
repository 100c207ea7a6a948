"""A request as a value, before anything is sent; and what its answer means."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import IO, Any, Callable, Union
from urllib.parse import quote

from .errors import ApiError, api_error

QueryValue = Union[str, int, float, bool, None]
Json = dict[str, Any]
Opener = Callable[[], IO[bytes]]
"""Opens a body from its beginning, once for each attempt."""

JSON = "application/json"


@dataclass
class Request:
    """One call of the API. All of them can be repeated safely: what creates carries an idempotency key."""

    method: str
    path: str
    query: list[tuple[str, QueryValue]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    content: bytes = b""
    opener: Opener | None = None
    """Instead of `content`: a file that is sent in pieces."""
    parts: dict[str, Opener] = field(default_factory=dict)
    """Instead of `content`: the files of a form."""
    repeatable: bool = True
    """False when the body can be read only once."""
    patience_s: float = 0.0
    """How much longer than usual an answer may take, because the server was asked to wait."""


def path(*segments: str | int) -> str:
    """`path("runs", id)` is `/v1/runs/<id>`. A segment is one segment, whatever it contains."""
    # `name@alias` and `runs:batch` are written so.
    return "/v1/" + "/".join(quote(str(segment), safe="@:") for segment in segments)


def get(where: str, accept: str = JSON, patience_s: float = 0.0, **query: Any) -> Request:
    """Reads."""
    return Request("GET", where, _query(query), {"Accept": accept}, patience_s=patience_s)


def post(where: str, document: Any = None, **query: Any) -> Request:
    """Does something that may be done twice."""
    return _with_json(Request("POST", where, _query(query)), document)


def create(where: str, document: Any = None, **query: Any) -> Request:
    """Creates, at most once however often the request is repeated."""
    request = post(where, document, **query)
    request.headers["Idempotency-Key"] = str(uuid.uuid4())
    return request


def patch(where: str, document: Mapping[str, Any], etag: str | None = None) -> Request:
    """Changes what is in `document`; with an `etag` only if nobody else changed it meanwhile."""
    request = _with_json(Request("PATCH", where), document)
    if etag is not None:
        request.headers["If-Match"] = etag
    return request


def put(where: str, document: Mapping[str, Any]) -> Request:
    """Sets a thing whose name the client chooses."""
    return _with_json(Request("PUT", where), document)


def delete(where: str, **query: Any) -> Request:
    """Deletes."""
    return Request("DELETE", where, _query(query))


def to_json(document: Any) -> bytes:
    """The bytes of a document. A number that is not finite has no place in JSON and is refused."""
    return json.dumps(document, separators=(",", ":"), allow_nan=False, default=_plain).encode()


def problem_of(status: int, body: bytes) -> ApiError:
    """The exception for an answer that refuses, also when a proxy and not the server wrote it."""
    try:
        document = json.loads(body)
    except ValueError:
        document = None
    if not isinstance(document, dict):
        document = {"detail": body[:500].decode("utf-8", "replace").strip() or f"HTTP status {status}"}
    return api_error(status, document)


def _with_json(request: Request, document: Any) -> Request:
    if document is not None:
        request.content = to_json(document)
        request.headers["Content-Type"] = JSON
    return request


def _query(query: Mapping[str, Any]) -> list[tuple[str, QueryValue]]:
    pairs: list[tuple[str, QueryValue]] = []
    for name, value in query.items():
        if value is None:
            continue
        if isinstance(value, Mapping):
            pairs.extend((f"{name}[{key}]", str(one)) for key, one in value.items())
        elif isinstance(value, bool):
            pairs.append((name, "true" if value else "false"))
        elif isinstance(value, (list, tuple, set, frozenset)):
            pairs.append((name, ",".join(map(str, value))))
        else:
            pairs.append((name, str(value)))
    return pairs


def _plain(value: Any) -> Any:
    """What numpy and pandas hold, as JSON knows it."""
    if hasattr(value, "tolist"):
        return value.tolist()
    if hasattr(value, "isoformat"):
        return value.isoformat()
    raise TypeError(f"{value!r} ({type(value).__name__}) has no form in JSON")
