"""Everything that waits, with `await`. `tools/make_sync.py` makes `_sync` from it."""
