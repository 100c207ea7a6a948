// Uploads under way. They belong to no component, so they go on while the reader looks at another page.
import { signal } from "@preact/signals";
import { Problem } from "../../api/problem";
import type { Dataset } from "../../api/types";
import { upload } from "../../api/upload";

export interface Upload {
  key: string;
  name: string;
  parts: [string, File][];
  sent: number;
  total: number;
  state: "sending" | "reading" | "done" | "failed";
  dataset?: Dataset;
  problem?: Problem;
}

export const uploads = signal<Upload[]>([]);
/** Grows with every dataset that was made, so that lists know when to read again. */
export const uploaded = signal(0);
const stops = new Map<string, AbortController>();

function change(key: string, next: Partial<Upload>): void {
  uploads.value = uploads.value.map((one) => (one.key === key ? { ...one, ...next } : one));
}

/** Sends, or sends again: with the same key it becomes one dataset, however often the line breaks. */
export async function send(one: Upload): Promise<void> {
  const stop = new AbortController();
  stops.set(one.key, stop);
  change(one.key, { state: "sending", sent: 0, problem: undefined });
  try {
    const dataset = await upload({
      parts: one.parts,
      name: one.name,
      key: one.key,
      signal: stop.signal,
      // When all bytes have left, what remains is the server's work.
      onProgress: (sent, total) => change(one.key, { sent, total, state: sent === total ? "reading" : "sending" }),
    });
    change(one.key, { state: "done", dataset });
    uploaded.value++;
  } catch (error) {
    if (!stop.signal.aborted) change(one.key, { state: "failed", problem: Problem.from(error) });
  } finally {
    stops.delete(one.key);
  }
}

/** Takes an upload off the list; what is still being sent is stopped. */
export function dismiss(key: string): void {
  stops.get(key)?.abort(new DOMException("stopped by the reader", "AbortError"));
  uploads.value = uploads.value.filter((one) => one.key !== key);
}

/** Names without the ends that say only how a file is packed. */
export function nameOf(file: string): string {
  return file.replace(/\.gz$/i, "").replace(/\.(csv|tsv|txt|zip|npz|npy)$/i, "") || file;
}

/** The part of an array dataset that a file is by its name (those of MNIST: `t10k-images-idx3-ubyte.gz`), or null. */
export function partOf(file: string): string | null {
  const what = /labels?/i.test(file) ? "labels" : /images?/i.test(file) ? "images" : null;
  if (!what || /\.(csv|tsv|zip|npz)$/i.test(file)) return null;
  const split = /t10k|test/i.test(file) ? "test_" : /valid/i.test(file) ? "validation_" : "";
  return split + what;
}

/** Which files become one dataset: the parts of an array set together, every other file by itself. */
export function grouped(files: File[]): [string, File][][] {
  const parts = files.map((file): [string | null, File] => [partOf(file.name), file]);
  const names = new Set(parts.map(([part]) => part));
  const together = files.length > 1 && !names.has(null) && names.size === files.length;
  return together ? [parts as [string, File][]] : files.map((file) => [["file", file]]);
}

export function begin(files: File[]): void {
  for (const parts of grouped(files)) {
    const one: Upload = {
      key: crypto.randomUUID(),
      name: parts.length > 1 ? "images" : nameOf(parts[0]?.[1].name ?? "dataset"),
      parts,
      sent: 0,
      total: parts.reduce((sum, [, file]) => sum + file.size, 0),
      state: "sending",
    };
    uploads.value = [one, ...uploads.value];
    void send(one);
  }
}
