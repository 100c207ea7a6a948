"""Makes the blocking client from the async one, so that the two cannot differ: `python tools/make_sync.py`, or `--check`.

Everything that waits is written once, in `src/descent/_async`. The blocking twin is the same text without `async` and `await`
and with the blocking names; it is committed, so that an editor and a traceback show ordinary code, and a test compares it.
"""

import re
import subprocess
import sys
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent / "src" / "descent"
HEAD = "# Made from ../_async/{name} by tools/make_sync.py: change that file.\n"

RULES = [
    # Reading a file may block a thread of its own, or simply block.
    (r"\bawait anyio\.to_thread\.run_sync\(([\w.]+), ", r"\1("),
    (r"\bimport anyio\n", "import time\n"),
    (r"\banyio\.sleep\b", "time.sleep"),
    (r"\bAsyncGenerator\[(.+), None\]", r"Generator[\1, None, None]"),
    (r"\bAsync(BaseTransport|Client|Iterator|Generator|[A-Z]\w*)", r"\1"),
    (r"\basync (def|for|with) ", r"\1 "),
    (r"\bawait ", ""),
    (r"\b__a(enter|exit)__", r"__\1__"),
    (r"\ba(close|read|iter_lines|iter_bytes)\b", r"\1"),
]


def blocking(name: str, text: str) -> str:
    """The blocking twin of a file."""
    for pattern, replacement in RULES:
        text = re.sub(pattern, replacement, text)
    # The async side imports time of its own accord in some files.
    if text.count("import time\n") > 1:
        head, _, rest = text.partition("import time\n")
        text = head + "import time\n" + rest.replace("import time\n", "", 1)
    for command in (["check", "--quiet", "--select", "I", "--fix", "--exit-zero"], ["format", "--quiet"]):
        ruff = [sys.executable, "-m", "ruff", *command, "--stdin-filename", str(PACKAGE / "_sync" / name), "-"]
        text = subprocess.run(ruff, input=text, capture_output=True, text=True, check=True).stdout
    return HEAD.format(name=name) + text


def main() -> int:
    """Writes the files, or with `--check` compares them."""
    stale = []
    sources = sorted((PACKAGE / "_async").glob("*.py"))
    for source in sources:
        fresh = blocking(source.name, source.read_text(encoding="utf-8"))
        twin = PACKAGE / "_sync" / source.name
        if not twin.exists() or twin.read_text(encoding="utf-8") != fresh:
            stale.append(source.name)
            if "--check" not in sys.argv:
                twin.write_text(fresh, encoding="utf-8")
    left = {twin.name for twin in (PACKAGE / "_sync").glob("*.py")} - {source.name for source in sources}
    if "--check" in sys.argv:
        if stale or left:
            print(f"stale: {sorted({*stale, *left})}; run python tools/make_sync.py")
        return 1 if stale or left else 0
    for name in left:
        (PACKAGE / "_sync" / name).unlink()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
