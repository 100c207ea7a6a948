// Asking for a landscape and waiting for it.
import { useEffect, useRef, useState } from "preact/hooks";
import { api, ok } from "../../api/client";
import { Problem } from "../../api/problem";
import { sleep } from "../../api/retry";
import type { Landscape, Question } from "../../api/types";

export interface Asking {
  landscape: Landscape | null;
  problem: Problem | undefined;
  busy: boolean;
  ask: (question: Question) => void;
}

/** Between two looks at the progress. */
const LOOK_MS = 400;

/** The newest landscape of a run that is one of `kinds`, with its answer; null where there is none. */
async function newest(run: string, kinds: readonly string[], signal: AbortSignal): Promise<Landscape | null> {
  const page = await ok(api.GET("/v1/runs/{id}/landscapes", { params: { path: { id: run }, query: { limit: 50 } }, signal }));
  const found = page.data.find((each) => kinds.includes(each.request.kind) && each.status !== "failed");
  if (!found) return null;
  return ok(api.GET("/v1/runs/{id}/landscape", { params: { path: { id: run }, query: { id: found.id } }, signal }));
}

async function follow(first: Landscape, signal: AbortSignal, onChange: (landscape: Landscape) => void): Promise<void> {
  let landscape = first;
  onChange(landscape);
  while (!landscape.terminal) {
    await sleep(LOOK_MS, signal);
    landscape = await ok(api.GET("/v1/runs/{id}/landscape", { params: { path: { id: landscape.run_id }, query: { id: landscape.id } }, signal }));
    onChange(landscape);
  }
}

/** Landscapes of a run of the given kinds: the newest at first, another one when it is asked for. */
export function useLandscape(run: string, kinds: readonly string[]): Asking {
  const [state, setState] = useState<{ landscape: Landscape | null; problem?: Problem; busy: boolean }>({ landscape: null, busy: true });
  const stop = useRef<AbortController | null>(null);
  const key = kinds.join();

  const begin = (first: (signal: AbortSignal) => Promise<Landscape | null>) => {
    stop.current?.abort();
    const mine = (stop.current = new AbortController());
    setState((before) => ({ landscape: before.landscape, busy: true }));
    const go = async () => {
      const landscape = await first(mine.signal);
      if (landscape) await follow(landscape, mine.signal, (next) => !mine.signal.aborted && setState({ landscape: next, busy: !next.terminal }));
      else if (!mine.signal.aborted) setState({ landscape: null, busy: false });
    };
    go().catch((error: unknown) => !mine.signal.aborted && setState((before) => ({ ...before, problem: Problem.from(error), busy: false })));
    return () => mine.abort();
  };

  useEffect(() => begin((signal) => newest(run, key.split(","), signal)), [run, key]);
  const ask = (question: Question) => void begin((signal) => ok(api.POST("/v1/runs/{id}/landscape", { params: { path: { id: run } }, body: question, signal })));
  return { landscape: state.landscape, problem: state.problem, busy: state.busy, ask };
}
