# Made from ../_async/__init__.py by tools/make_sync.py: change that file.
"""Everything that waits, with `await`. `tools/make_sync.py` makes `_sync` from it."""
