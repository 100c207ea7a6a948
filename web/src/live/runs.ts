// Runs that move by themselves: what a read said, carried on by the events of the stream. Each run has a signal of its own, so an
// event draws one row again and not the page.
import { type Signal, batch, effect, signal } from "@preact/signals";
import { useEffect } from "preact/hooks";
import { every } from "../api/client";
import { listRuns, readRun } from "../api/runs";
import type { Run, Status } from "../api/types";
import { toastProblem } from "../ui/Toast";
import { type RunEvent, listen } from "./events";

export const ACTIVE: Status[] = ["queued", "preparing", "running", "finalizing", "pausing", "paused", "cancelling"];

/** The losses in sight beside a running run. */
const TAIL = 120;

export interface LiveRun {
  run: Run;
  /** The last losses, one per step that an event told of. */
  losses: number[];
  /** When and where this page began to measure its pace. */
  since: { ms: number; step: number; running_ms: number } | null;
}

const runs = new Map<string, Signal<LiveRun>>();
/** Ids of the runs that are not over, newest first. */
export const activeIds = signal<string[]>([]);
/** How often a run was read that began or ended since. A short one does both before it is read, and is never among the active. */
const begunOrEnded = signal(0);

/** Takes what a read said; the stream carries it on. */
export function hold(run: Run): Signal<LiveRun> {
  const held = runs.get(run.id);
  if (held) held.value = { ...held.value, run };
  else runs.set(run.id, signal({ run, losses: [], since: null }));
  const others = activeIds.peek().filter((id) => id !== run.id);
  const next = run.terminal ? others : [run.id, ...others].sort((a, b) => (a < b ? 1 : -1));
  if (next.join() !== activeIds.peek().join()) activeIds.value = next;
  return runs.get(run.id) as Signal<LiveRun>;
}

export function liveRun(id: string): Signal<LiveRun> | undefined {
  return runs.get(id);
}

/** The run after an event, without asking the server. */
export function advance(live: LiveRun, event: RunEvent): LiveRun {
  const { run, losses } = live;
  // What was read may be newer than what the stream still has to tell.
  if (run.terminal) return live;
  if (event.type === "state" && event.status) return { run: { ...run, status: event.status }, losses, since: null };
  if (event.type !== "metric") return live;
  const step = Math.max(run.progress.step, event.last_step ?? event.step ?? 0);
  const now = Date.parse(event.ts);
  const since = live.since ?? { ms: now, step, running_ms: run.timings.running_ms };
  const timings = { ...run.timings, running_ms: Math.max(run.timings.running_ms, since.running_ms + now - since.ms) };
  const progress = { ...run.progress, step, epoch: event.epoch ?? run.progress.epoch };
  if (step > since.step) progress.eta_ms = ((now - since.ms) / (step - since.step)) * Math.max(0, progress.steps - step);
  const metrics = { ...run.metrics };
  let tail = losses;
  for (const series of event.series ?? []) {
    const last = series.values.at(-1);
    if (series.name === "loss") tail = [...losses, ...series.values.filter((v) => v !== null)].slice(-TAIL);
    else if (last !== undefined) metrics[series.name] = last;
  }
  return { run: { ...run, progress, metrics, timings }, losses: tail, since };
}

/** What an event cannot tell (steps of a run that begins, the reason and result of one that ends) is read. */
function wantsReading(event: RunEvent): boolean {
  return event.type === "done" || (event.type === "state" && event.status !== "finalizing");
}

async function read(id: string): Promise<void> {
  const before = runs.get(id)?.peek().run;
  try {
    const run = await readRun(id);
    batch(() => {
      hold(run);
      if (before?.terminal !== run.terminal) begunOrEnded.value++;
    });
  } catch (error) {
    toastProblem(error);
  }
}

function take(events: RunEvent[]): void {
  const toRead = new Set<string>();
  for (const event of events) {
    const held = runs.get(event.run_id);
    if (held) held.value = advance(held.peek(), event);
    if (wantsReading(event) || !held) toRead.add(event.run_id);
  }
  for (const id of toRead) void read(id);
}

async function readActive(): Promise<void> {
  try {
    for (const run of await every((after) => listRuns({ status: ACTIVE, limit: 100, after }))) hold(run);
  } catch (error) {
    toastProblem(error);
  }
}

/** Follows all runs while the component is there. */
export function useLiveRuns(): void {
  useEffect(() => {
    void readActive();
    return listen({ onEvents: take, onStart: () => void readActive() });
  }, []);
}

/** Calls `action` when a run begins or ends while the component is there. */
export function useWhenRunsChange(action: () => void): void {
  useEffect(() => {
    let first = true;
    return effect(() => {
      activeIds.value.join();
      void begunOrEnded.value;
      if (first) first = false;
      else action();
    });
    // The action of the first draw is as good as any later one.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, []);
}
