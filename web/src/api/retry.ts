// A fetch that waits as long as the server asks for. 429 and 503 mean that nothing was done, so any request may come
// again; a connection that broke says nothing about what was done, so only a read or a request with an Idempotency-Key may.

const ATTEMPTS = 5;

export type Sleep = (ms: number, signal: AbortSignal | null) => Promise<void>;

/** Resolves after `ms`, or rejects at once when `signal` is aborted. */
export const sleep: Sleep = (ms, signal) =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(done, ms);
    function done() {
      signal?.removeEventListener("abort", stopped);
      resolve();
    }
    function stopped() {
      clearTimeout(timer);
      reject(signal?.reason);
    }
    if (signal?.aborted) return stopped();
    signal?.addEventListener("abort", stopped, { once: true });
  });

/** Milliseconds until the next try: what `Retry-After` says (seconds or a date), else twice as long each time. */
export function waitFor(response: Response | null, attempt: number, now = Date.now()): number {
  const header = response?.headers.get("retry-after");
  if (header) {
    const seconds = Number(header);
    const ms = Number.isFinite(seconds) ? seconds * 1000 : Date.parse(header) - now;
    if (Number.isFinite(ms)) return Math.min(Math.max(ms, 0), 30_000);
  }
  return Math.min(250 * 2 ** attempt, 8_000);
}

function repeatable(request: Request): boolean {
  return request.method === "GET" || request.headers.has("idempotency-key");
}

export function retrying(send: typeof fetch, pause: Sleep = sleep) {
  return async (request: Request): Promise<Response> => {
    for (let attempt = 0; ; attempt++) {
      const last = attempt + 1 >= ATTEMPTS;
      try {
        const response = await send(request.clone());
        if (last || (response.status !== 429 && response.status !== 503)) return response;
        await pause(waitFor(response, attempt), request.signal);
      } catch (error) {
        if (request.signal.aborted || last || !repeatable(request)) throw error;
        await pause(waitFor(null, attempt), request.signal);
      }
    }
  };
}
