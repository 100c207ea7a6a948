"""Packages that are used when they are there."""

from __future__ import annotations

import importlib
from typing import Any

from .errors import MissingDependency


def need(module: str, what: str) -> Any:
    """The module, or an exception that says how to get it."""
    try:
        return importlib.import_module(module)
    except ImportError as missing:
        package = module.partition(".")[0]
        message = f"{what} needs {package}: pip install {package}, or 'descent[notebook]' for all that a notebook likes"
        raise MissingDependency(message) from missing
