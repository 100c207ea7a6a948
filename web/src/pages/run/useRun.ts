// One run as it moves: its state and its curves.
import { useEffect, useRef, useState } from "preact/hooks";
import { Problem } from "../../api/problem";
import { type Resource, useResource } from "../../api/resource";
import { readMetrics, readRun } from "../../api/runs";
import type { Run } from "../../api/types";
import { type RunEvent, listen } from "../../live/events";
import { hold, liveRun, useLiveRuns } from "../../live/runs";
import { type Curves, append, fromMetrics } from "./series";

/** The most points of a curve that the server gives. */
const MOST_POINTS = 100_000;

/** The run, read once and then carried on by the stream. */
export function useRun(id: string): Resource<Run> {
  useLiveRuns();
  const read = useResource(`run ${id}`, async (signal) => {
    const run = await readRun(id, signal);
    hold(run);
    return run;
  });
  return { ...read, data: read.data && (liveRun(id)?.value.run ?? read.data) };
}

/** Calls `action` for events of these types of the run. */
export function useEvents(id: string, types: RunEvent["type"][], action: () => void): void {
  const latest = useRef(action);
  latest.current = action;
  const wanted = types.join();
  useEffect(() => {
    const onEvents = (events: RunEvent[]) => {
      if (events.some((event) => event.run_id === id && wanted.split(",").includes(event.type))) latest.current();
    };
    return listen({ onEvents, onStart: () => undefined });
  }, [id, wanted]);
}

/** The curves of a run: what is on record, then what the stream brings on top of it. */
export function useCurves(id: string): { curves: Curves | undefined; problem: Problem | undefined } {
  const [curves, show] = useState<Curves>();
  const [problem, fail] = useState<Problem>();
  useEffect(() => {
    const stop = new AbortController();
    let now: Curves | undefined;
    /** Events since the reading under way began; the answer may or may not contain them. */
    let since: RunEvent[] = [];
    const read = async () => {
      since = [];
      try {
        now = append(fromMetrics(await readMetrics(id, MOST_POINTS, undefined, stop.signal)), since);
        show(now);
      } catch (error) {
        if (!stop.signal.aborted) fail(Problem.from(error));
      }
    };
    const onEvents = (events: RunEvent[]) => {
      const own = events.filter((event) => event.run_id === id);
      if (own.length === 0) return;
      since.push(...own);
      if (now) show((now = append(now, own)));
      // An event shows a thinned series; at the end the whole record is shown.
      if (own.some((event) => event.type === "done")) void read();
    };
    /** What came between the first reading and the beginning of the stream; to a run that is over nothing comes. */
    const onStart = () => {
      if (!liveRun(id)?.peek().run.terminal) void read();
    };
    void read();
    const leave = listen({ onEvents, onStart });
    return () => {
      stop.abort();
      leave();
    };
  }, [id]);
  return { curves, problem };
}
