// Sending a file with its progress in sight; `fetch` cannot tell how much has left the browser.
import { Problem } from "./problem";
import { signedOut } from "./session";
import type { Dataset } from "./types";

export interface Sending {
  /** Form parts by their names in the contract: `file`, or `images`, `labels`, `test_images`, ... */
  parts: [string, File][];
  name: string;
  /** Makes a repeated upload of the same thing one dataset. */
  key: string;
  onProgress: (sent: number, total: number) => void;
  signal: AbortSignal;
}

export function upload({ parts, name, key, onProgress, signal }: Sending): Promise<Dataset> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", `/v1/datasets?${new URLSearchParams({ name })}`);
    request.setRequestHeader("idempotency-key", key);
    request.upload.onprogress = (event) => onProgress(event.loaded, event.total);
    request.onload = () => {
      if (request.status === 201) return resolve(JSON.parse(request.responseText) as Dataset);
      if (request.status === 401) signedOut();
      reject(Problem.parse(request.status, request.responseText));
    };
    request.onerror = () => reject(Problem.from(new Error("the connection broke")));
    request.onabort = () => reject(signal.reason);
    signal.addEventListener("abort", () => request.abort(), { once: true });
    const form = new FormData();
    for (const [part, file] of parts) form.append(part, file, file.name);
    request.send(form);
  });
}
