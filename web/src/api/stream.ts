// A stream of server-sent events that survives cut lines and sleeping laptops. It goes on behind the last id it has seen, and
// the server answers from the record, so no event is missed. `EventSource` would not do: it gives up on a 429, and it does not
// notice a connection that died in a laptop's sleep.
import { createParser } from "eventsource-parser";
import { Problem } from "./problem";
import { sleep, waitFor } from "./retry";

export type Connection = "connecting" | "open" | "waiting" | "ended";

interface StreamOptions {
  url: string;
  /** The `data` of each event, in order. */
  onEvent: (data: string) => void;
  onConnection: (state: Connection) => void;
  signal: AbortSignal;
}

/** The server sends a comment every 15 s; a stream that is silent for three of them is dead, whatever the socket says. */
const SILENCE_MS = 45_000;

/** Follows until the signal is aborted, the server says that there is nothing more (204), or it refuses for good. */
export async function follow({ url, onEvent, onConnection, signal }: StreamOptions): Promise<void> {
  let lastId: string | undefined;
  for (let attempt = 0; !signal.aborted; attempt++) {
    onConnection("connecting");
    let response: Response | null = null;
    try {
      const headers: Record<string, string> = { accept: "text/event-stream" };
      if (lastId !== undefined) headers["last-event-id"] = lastId;
      response = await fetch(url, { headers, signal, cache: "no-store" });
      if (response.status === 204) break;
      if (response.ok && response.body) {
        onConnection("open");
        await read(response.body, (id, data) => {
          attempt = 0;
          lastId = id ?? lastId;
          onEvent(data);
        });
      } else if (response.status < 500 && response.status !== 429 && response.status !== 408) {
        throw await Problem.of(response);
      }
    } catch (error) {
      if (error instanceof Problem) throw error;
      // Anything else is a line that was cut: come back.
    }
    if (signal.aborted) break;
    onConnection("waiting");
    await sleep(waitFor(response, attempt), signal).catch(() => undefined);
  }
  onConnection("ended");
}

async function read(body: ReadableStream<Uint8Array>, onMessage: (id: string | undefined, data: string) => void): Promise<void> {
  const parser = createParser({ onEvent: (event) => onMessage(event.id, event.data) });
  const decoder = new TextDecoder();
  const reader = body.getReader();
  let silence = 0;
  // Timers do not run while a laptop sleeps; the first one after waking ends a stream that died meanwhile.
  const watch = () => {
    clearTimeout(silence);
    silence = window.setTimeout(() => void reader.cancel(), SILENCE_MS);
  };
  try {
    watch();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      watch();
      parser.feed(decoder.decode(value, { stream: true }));
    }
  } finally {
    clearTimeout(silence);
  }
}
