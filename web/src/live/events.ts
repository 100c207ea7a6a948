// The one stream of the events of all runs. It is open while somebody looks; listeners get what came in a tenth of a second in one
// piece, so twenty busy runs cost ten updates a second and not one per event.
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

export interface Listener {
  /** What came in the last piece of time, in order. */
  onEvents: (events: RunEvent[]) => void;
  /** The stream begins here: what is read from now on has no gap to the events that follow. */
  onStart: () => void;
}

export const connection = signal<Connection>("ended");
const listeners = new Set<Listener>();
let stop: AbortController | null = null;
let waiting: RunEvent[] = [];
/** Whether the stream has said where it begins. */
let started = false;
/** Events already seen, per run: a stream that was cut may repeat its last ones. */
const seen = new Map<string, number>();

function take(data: string): void {
  const event = JSON.parse(data) as RunEvent | { type: "start" };
  if (event.type === "start") {
    started = true;
    for (const listener of listeners) listener.onStart();
    return;
  }
  if (event.seq <= (seen.get(event.run_id) ?? 0)) return;
  seen.set(event.run_id, event.seq);
  waiting.push(event);
  if (waiting.length === 1) whenDrawn(deliver);
}

/** What a reader takes for immediate. */
const PIECE_MS = 100;

/** With the first frame after a piece of time; a page in the background has no frames, and gets its events all the same. */
function whenDrawn(action: () => void): void {
  setTimeout(() => (document.hidden ? action() : requestAnimationFrame(action)), PIECE_MS);
}

function deliver(): void {
  const events = waiting;
  waiting = [];
  batch(() => {
    for (const listener of listeners) listener.onEvents(events);
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
  else if (started) listener.onStart();
  return () => {
    listeners.delete(listener);
    if (listeners.size === 0) {
      stop?.abort();
      stop = null;
      started = false;
      waiting = [];
    }
  };
}
