"""What can be uploaded, as a body that can be opened again for every attempt."""

from __future__ import annotations

import io
import os
import tempfile
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Union, cast

from ._request import Opener, Request, create, path
from ._rows import is_frame

Part = Union[str, "os.PathLike[str]", bytes, IO[bytes]]
Source = Union[Part, Mapping[str, Part], Any]
"""A path, bytes, an open binary file, a mapping of the parts of arrays, or a DataFrame."""

TABLES = {".csv": "text/csv", ".tsv": "text/tab-separated-values", ".txt": "text/plain"}
ANY = "application/octet-stream"


def upload_request(source: Source, name: str | None, layout: str | None) -> Request:
    """The request that uploads it. A file gives its name to the dataset."""
    if isinstance(source, Mapping):
        request = create(path("datasets"), name=name, layout=layout)
        request.parts = {part: _opener(one) for part, one in source.items()}
        # The same boundary in every attempt: the idempotency key stands for these very bytes.
        request.headers["Content-Type"] = f"multipart/form-data; boundary={uuid.uuid4().hex}"
        return request
    media = ANY
    if is_frame(source):
        opener, media = _frame(source), "text/csv"
    else:
        opener = _opener(source)
        if isinstance(source, (str, os.PathLike)):
            file = Path(source)
            name = name or file.name.partition(".")[0] or None
            media = TABLES.get(file.suffix.lower(), ANY)
    request = create(path("datasets"), name=name, layout=layout)
    request.opener = opener
    request.headers["Content-Type"] = media
    if _read_once(source):
        request.repeatable = False
    return request


def _opener(source: Part) -> Opener:
    if isinstance(source, (bytes, bytearray, memoryview)):
        whole = bytes(source)
        return lambda: io.BytesIO(whole)
    if isinstance(source, (str, os.PathLike)):
        file = Path(source)
        if not file.is_file():
            raise FileNotFoundError(
                f"there is no file {os.fspath(file)!r}; the text of a table is uploaded as bytes: text.encode()"
            )
        return lambda: open(file, "rb")
    if hasattr(source, "read"):
        start = None if _read_once(source) else source.tell()
        return lambda: cast(IO[bytes], _Open(source, start))
    raise TypeError(f"cannot upload a {type(source).__name__}; a path, bytes, an open binary file, or a DataFrame can be")


def _read_once(source: Any) -> bool:
    return hasattr(source, "read") and not (hasattr(source, "seekable") and source.seekable())


def _frame(frame: Any) -> Opener:
    """The table as CSV, written anew for each attempt; in a file of its own. Missing values are empty cells."""

    def opened() -> IO[bytes]:
        file = tempfile.TemporaryFile()  # noqa: SIM115 (whoever opens it closes it)
        frame.to_csv(file, index=False, lineterminator="\n", encoding="utf-8")
        file.seek(0)
        return cast(IO[bytes], file)

    return opened


class _Open(io.RawIOBase):
    """A view of an open file that can be closed without closing the file, which belongs to somebody else."""

    def __init__(self, file: Any, start: int | None) -> None:
        self._file = file
        if start is not None:
            file.seek(start)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return not _read_once(self._file)

    def tell(self) -> int:
        return int(self._file.tell())

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return int(self._file.seek(offset, whence))

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        return data
