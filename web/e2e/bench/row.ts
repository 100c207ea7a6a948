// Lines that benches/dashboard.py makes the table of docs/benchmarks.md from.
import { appendFile } from "node:fs/promises";
import { resolve } from "node:path";
import type { Page } from "@playwright/test";

const RESULTS = resolve(import.meta.dirname, "../../../target/dashboard.jsonl");

interface Row {
  what: string;
  unit: string;
  /** `<= 100`; what has none is said for its own sake. */
  goal?: string;
  /** One for each repeat. */
  values: number[];
}

export async function tell(page: Page, rows: Row[]): Promise<void> {
  const browser = `Chromium ${page.context().browser()?.version()}`;
  const at = Math.floor(Date.now() / 1000);
  for (const row of rows) {
    await appendFile(RESULTS, `${JSON.stringify({ ...row, browser, at })}\n`);
    console.log(`${row.what}: ${row.values.map((value) => value.toFixed(1)).join(", ")} ${row.unit}`);
  }
}

/** The value below which `part` of them lie. */
export function quantile(values: number[], part: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.round(part * (sorted.length - 1))] ?? Number.NaN;
}
