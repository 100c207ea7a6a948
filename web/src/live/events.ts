// The one stream of the events of all runs. It is open while somebody looks; listeners get what came since the last frame in one
// piece, so twenty busy runs cost one update per frame and not one per event.
import { batch, signal } from "@preact/signals";
import { type Connection, follow } from "../api/stream";
import type { Points, Status } from "../api/types";

/** An event of a run. Which members there are depends on its type. */
export interface RunEvent {
  run_id: string;
  seq: number;
  type: "state" | "metric" | "log" | "checkpoint" | "diagnosis" | "done";
  ts: string;
  step: number | null;
  status?: Status;
  series?: Pick<Points, "name" | "steps" | "values">[];
  last_step?: number;
  epoch?: number;
}

type Listener = (events: RunEvent[]) => void;

export const connection = signal<Connection>("ended");
const listeners = new Set<Listener>();
let stop: AbortController | null = null;
let waiting: RunEvent[] = [];
/** Events already seen, per run: a stream that was cut may repeat its last ones. */
const seen = new Map<string, number>();

function take(data: string): void {
  const event = JSON.parse(data) as RunEvent;
  if (event.seq <= (seen.get(event.run_id) ?? 0)) return;
  seen.set(event.run_id, event.seq);
  waiting.push(event);
  if (waiting.length === 1) whenDrawn(deliver);
}

/** Before the next frame; a page in the background has no frames, and gets its events all the same. */
function whenDrawn(action: () => void): void {
  if (document.hidden) setTimeout(action, 250);
  else requestAnimationFrame(action);
}

function deliver(): void {
  const events = waiting;
  waiting = [];
  batch(() => {
    for (const listener of listeners) listener(events);
  });
}

function open(): void {
  stop = new AbortController();
  void follow({
    url: "/v1/events",
    onEvent: take,
    onConnection: (state) => {
      connection.value = state;
    },
    signal: stop.signal,
  }).catch(() => {
    connection.value = "ended";
  });
}

/** Listens until the returned function is called. The last listener that leaves closes the stream. */
export function listen(listener: Listener): () => void {
  listeners.add(listener);
  if (!stop) open();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      stop?.abort();
      stop = null;
      waiting = [];
    }
  };
}
