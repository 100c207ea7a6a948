// Reading something from the server inside a component: what is there so far, what went wrong, and a way to read again.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "./problem";

export interface Resource<T> {
  data: T | undefined;
  problem: Problem | undefined;
  loading: boolean;
  /** Reads again; what is shown stays until the answer is there. */
  reload: () => void;
  /** Shows `next` at once, for an answer that a change already brought. */
  set: (next: T) => void;
}

/**
 * Calls `read` at first and whenever `key` changes; the call before is aborted. What belongs to another key is not shown.
 * With `key` null nothing is read.
 */
export function useResource<T>(key: string | null, read: (signal: AbortSignal) => Promise<T>): Resource<T> {
  const [state, setState] = useState<{ key: string | null; data?: T; problem?: Problem; loading: boolean }>({ key, loading: key !== null });
  const [turn, setTurn] = useState(0);
  const latest = useRef(read);
  latest.current = read;

  useEffect(() => {
    if (key === null) return;
    const stop = new AbortController();
    setState((before) => (before.key === key ? { ...before, loading: true } : { key, loading: true }));
    latest.current(stop.signal).then(
      (data) => !stop.signal.aborted && setState({ key, data, loading: false }),
      (error: unknown) => !stop.signal.aborted && setState((before) => ({ ...before, problem: Problem.from(error), loading: false })),
    );
    return () => stop.abort();
  }, [key, turn]);

  const reload = useCallback(() => setTurn((n) => n + 1), []);
  const set = useCallback((data: T) => setState({ key, data, loading: false }), [key]);
  const current = state.key === key;
  return { data: current ? state.data : undefined, problem: current ? state.problem : undefined, loading: current ? state.loading : key !== null, reload, set };
}
