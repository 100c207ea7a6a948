import type { SweepResult } from "../../api/types";

/** The merit of each value, from 0 (worst) to 1 (best), by its rank: one bad outlier does not make all others alike. */
export function merits(results: SweepResult[], direction: "minimize" | "maximize"): Map<number, number> {
  const sign = direction === "minimize" ? 1 : -1;
  const ranked = results.filter((each) => each.value != null).sort((a, b) => sign * ((b.value as number) - (a.value as number)));
  return new Map(ranked.map((each, idx) => [each.number, ranked.length > 1 ? idx / (ranked.length - 1) : 1]));
}
