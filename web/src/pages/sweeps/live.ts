// A sweep and its children, read again while it goes on.
import { useEffect, useState } from "preact/hooks";
import { Problem } from "../../api/problem";
import { sleep } from "../../api/retry";
import { readResults, readSweep } from "../../api/sweeps";
import type { Sweep, SweepResult } from "../../api/types";

/** Between two looks. */
const LOOK_MS = 1_500;

export interface Live {
  sweep: Sweep | undefined;
  results: SweepResult[];
  problem: Problem | undefined;
  /** Looks at once, after something was changed. */
  again: () => void;
}

/** Whether something may still change: a sweep that was stopped waits for the children at work. */
function moving(sweep: Sweep): boolean {
  return !sweep.terminal || sweep.progress.finished < sweep.progress.submitted;
}

export function useSweep(id: string): Live {
  const [state, setState] = useState<{ sweep?: Sweep; results: SweepResult[]; problem?: Problem }>({ results: [] });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const stop = new AbortController();
    const follow = async () => {
      for (;;) {
        const [sweep, results] = await Promise.all([readSweep(id, stop.signal), readResults(id, stop.signal)]);
        if (stop.signal.aborted) return;
        setState({ sweep, results });
        if (!moving(sweep)) return;
        await sleep(LOOK_MS, stop.signal);
      }
    };
    follow().catch((error: unknown) => !stop.signal.aborted && setState((before) => ({ ...before, problem: Problem.from(error) })));
    return () => stop.abort();
  }, [id, turn]);
  return { sweep: state.sweep, results: state.results, problem: state.problem, again: () => setTurn((n) => n + 1) };
}
