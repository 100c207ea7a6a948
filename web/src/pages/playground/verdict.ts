// What a learning rate did, in one word: read off the training loss of each epoch and the server's own diagnoses.

export type Verdict = "crawling" | "converging" | "oscillating" | "diverging";

interface Seen {
  /** Loss before the first step. */
  start: number;
  /** Mean training loss of each epoch, in order; null where it was not finite. */
  losses: (number | null)[];
  /** Codes of the run's diagnoses. */
  codes: string[];
  status: string;
}

/** Null before there is enough to say something. */
export function verdict({ start, losses, codes, status }: Seen): Verdict | null {
  if (codes.includes("diverged") || codes.includes("exploding_gradients") || losses.includes(null)) return "diverging";
  const finite = losses as number[];
  if (finite.length < 4) return status === "failed" ? "diverging" : null;
  const tail = finite.slice(Math.floor(finite.length / 2));
  const level = mean(tail);
  if (level > 1.2 * start) return "diverging";
  if (codes.includes("oscillating") || restless(tail, level, start)) return "oscillating";
  const last = mean(tail.slice(-Math.max(1, Math.floor(tail.length / 4))));
  return last > 0.8 * start && slow(start, finite) ? "crawling" : "converging";
}

function mean(values: number[]): number {
  return values.reduce((a, b) => a + b, 0) / values.length;
}

/** Steps across the valley: what was won is lost again, in jumps of a tenth of the loss that do not get smaller with it. */
function restless(tail: number[], level: number, start: number): boolean {
  let [up, down] = [0, 0];
  for (let i = 1; i < tail.length; i++) {
    const change = (tail[i] as number) - (tail[i - 1] as number);
    if (change > 0) up += change;
    else down -= change;
  }
  const jump = (up + down) / Math.max(1, tail.length - 1);
  return up > 0.6 * down && jump > 0.1 * level && level > 0.1 * start;
}

/** Still going down at the end about as fast as ever: it had the way, and not the pace. */
function slow(start: number, losses: number[]): boolean {
  const half = Math.floor(losses.length / 2);
  const early = start - (losses[half] as number);
  const late = (losses[half] as number) - (losses[losses.length - 1] as number);
  return early <= 0 || late > 0.25 * early || early < 0.02 * start;
}
