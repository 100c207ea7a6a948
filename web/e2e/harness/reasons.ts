// Ends the output with one line for each try that failed: where only the last lines of a log are kept, they say why.
import type { Reporter, TestCase, TestResult } from "@playwright/test/reporter";

// Messages are coloured for a terminal.
// eslint-disable-next-line no-control-regex
const COLOURS = /\u001b\[\d+m/g;

export default class Reasons implements Reporter {
  private readonly lines: string[] = [];

  onTestEnd(test: TestCase, result: TestResult): void {
    if (result.status === test.expectedStatus || result.status === "skipped") return;
    const reasons = result.errors.map(({ message }) => (message ?? "no message").replace(COLOURS, "").split(/\s*\n\s*/).slice(0, 6).join(" "));
    this.lines.push(`${test.title}, try ${result.retry + 1}: ${reasons.join(" | ") || result.status}`);
  }

  onEnd(): void {
    for (const line of this.lines) console.log(line);
  }
}
