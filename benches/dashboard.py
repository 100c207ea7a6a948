"""Turns the JSON lines of the dashboard's bench into their table in docs/benchmarks.md.

    python3 benches/dashboard.py target/dashboard.jsonl
"""
import json
import pathlib
import statistics
import sys

import ratios


def table(lines):
    browsers = " and ".join(sorted({line["browser"] for line in lines}))
    rows = [
        f"{ratios.machine(lines)} {browsers} without a GPU.",
        "",
        "| what | measured | goal | met |\n|---|---|---|---|",
    ]
    for line in lines:
        goal, unit = line.get("goal", ""), line["unit"]
        met = ratios.met(goal, statistics.median(line["values"]))
        rows.append(f"| {line['what']} | {ratios.spread(line['values'])} {unit} | {goal and f'{goal} {unit}'} | {met} |")
    return "\n".join(rows)


def main():
    lines = [json.loads(text) for text in pathlib.Path(sys.argv[1]).read_text().splitlines()]
    text = table(lines)
    print(text)
    ratios.write(ratios.ROOT / "docs/benchmarks.md", "dashboard", text)


if __name__ == "__main__":
    main()
