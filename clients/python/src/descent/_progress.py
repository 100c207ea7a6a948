"""One line that shows how far something is, where somebody can see it."""

from __future__ import annotations

import sys
import warnings
from types import TracebackType
from typing import Any


def seen() -> bool:
    """Whether somebody looks: a terminal, or a notebook."""
    shell = sys.modules.get("IPython")
    if shell is not None:
        running = shell.get_ipython()
        if running is not None and getattr(running, "kernel", None) is not None:
            return True
    return sys.stderr is not None and sys.stderr.isatty()


class Bar:
    """A bar of tqdm when it is installed and wanted; otherwise nothing. `show=None` means: where somebody can see it."""

    def __init__(self, total: int, label: str, unit: str, show: bool | None = None) -> None:
        self._bar: Any = None
        self._notes: dict[str, Any] = {}
        if show is False or (show is None and not seen()):
            return
        try:
            with warnings.catch_warnings():
                # In a notebook without ipywidgets it draws the bar as text, which needs no word.
                warnings.simplefilter("ignore")
                from tqdm.auto import tqdm
        except ImportError:
            return
        self._bar = tqdm(total=total, desc=label, unit=unit, leave=True)

    @property
    def shown(self) -> bool:
        """Whether there is something to be kept up to date."""
        return self._bar is not None

    def to(self, done: int, total: int | None = None, /, **notes: Any) -> None:
        """So much is done. The notes stand behind the bar, until others of the same name come."""
        if self._bar is None:
            return
        if total is not None and total != self._bar.total:
            self._bar.total = total
        self._notes.update(notes)
        self._bar.set_postfix(self._notes, refresh=False)
        self._bar.update(done - self._bar.n)

    def __enter__(self) -> Bar:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
