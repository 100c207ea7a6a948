// Data that tests make themselves: small, and learned in a second.
import type { APIRequestContext } from "@playwright/test";
import { expect } from "@playwright/test";

/** The strokes of three digits on a sheet from 0 to 1. */
export const STROKES: Record<string, [number, number][]> = {
  "0": Array.from({ length: 25 }, (_, i) => [0.5 + 0.26 * Math.cos((2 * Math.PI * i) / 24), 0.5 + 0.36 * Math.sin((2 * Math.PI * i) / 24)]),
  "1": [[0.5, 0.14], [0.5, 0.86]],
  "7": [[0.26, 0.16], [0.74, 0.16], [0.46, 0.86]],
};

function random(seed: number): () => number {
  let state = seed;
  return () => ((state = (state * 1103515245 + 12345) % 2 ** 31) / 2 ** 31);
}

/** Distance of a place from a line of strokes. */
function distance(x: number, y: number, line: [number, number][]): number {
  let least = Infinity;
  for (let i = 1; i < line.length; i++) {
    const [[ax, ay], [bx, by]] = [line[i - 1] as [number, number], line[i] as [number, number]];
    const length = (bx - ax) ** 2 + (by - ay) ** 2;
    const t = Math.min(1, Math.max(0, ((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (length || 1)));
    least = Math.min(least, Math.hypot(x - ax - t * (bx - ax), y - ay - t * (by - ay)));
  }
  return least;
}

/** Handwriting of one digit: the strokes leaned, stretched and shifted, as bright ink on 28 by 28 dark pixels, in MNIST's box of 20. */
function written(digit: string, uniform: () => number): Buffer {
  const vary = (by: number) => by * (2 * uniform() - 1);
  const [lean, wide, dx, dy, thick] = [vary(0.2), 1 + vary(0.25), vary(0.05), vary(0.05), 1.3 + vary(0.4)];
  const line = (STROKES[digit] as [number, number][]).map(([x, y]): [number, number] => [4 + 20 * (0.5 + (x - 0.5) * wide + lean * (0.5 - y) + dx), 4 + 20 * (0.5 + (y - 0.5) * 1.25 + dy)]);
  return Buffer.from(Array.from({ length: 784 }, (_, i) => Math.round(255 * Math.min(1, Math.max(0, thick + 0.5 - distance((i % 28) + 0.5, Math.floor(i / 28) + 0.5, line))))));
}

/** Uploads handwriting in the format of MNIST and trains a small network on it; answers the run's id. */
export async function digits(api: APIRequestContext, name: string): Promise<string> {
  const uniform = random(7);
  const labels = Array.from({ length: 360 }, (_, i) => Object.keys(STROKES)[i % 3] as string);
  const count = Buffer.alloc(4);
  count.writeUInt32BE(labels.length);
  const images = Buffer.concat([Buffer.from([0, 0, 8, 3]), count, Buffer.from([0, 0, 0, 28, 0, 0, 0, 28]), ...labels.map((digit) => written(digit, uniform))]);
  const classes = Buffer.concat([Buffer.from([0, 0, 8, 1]), count, Buffer.from(labels.map(Number))]);
  const made = await api.post(`/v1/datasets?name=${name}`, {
    multipart: {
      images: { name: "images-idx3-ubyte", mimeType: "application/octet-stream", buffer: images },
      labels: { name: "labels-idx1-ubyte", mimeType: "application/octet-stream", buffer: classes },
    },
  });
  expect(made.status(), await made.text()).toBe(201);
  return trained(api, { name, dataset: name, task: { kind: "classification", target: "label" }, network: [{ kind: "flatten" }, { kind: "dense", units: 24, activation: "relu" }], training: { epochs: 12, seed: 1 } });
}

/** Two clouds of points that a line can split, and a small network for them. */
export async function clouds(api: APIRequestContext, dataset: string): Promise<void> {
  const uniform = random(3);
  const rows = Array.from({ length: 200 }, (_, i) => `${(uniform() + (i % 2)).toFixed(3)},${(uniform() - 0.6 * (i % 2)).toFixed(3)},${i % 2 ? "b" : "a"}`);
  const made = await api.post(`/v1/datasets?name=${dataset}`, { headers: { "content-type": "text/csv" }, data: `x,y,label\n${rows.join("\n")}\n` });
  expect(made.status(), await made.text()).toBe(201);
}

/** The spec of a run on the clouds. */
export function cloudRun(dataset: string, name: string, seed: number) {
  return {
    name,
    dataset,
    task: { kind: "classification", target: "label" },
    network: [{ kind: "dense", units: 4, activation: "tanh" }],
    optimizer: { kind: "sgd", learning_rate: 0.2 },
    training: { epochs: 40, batch_size: 32, seed },
  };
}

/** Submits a run and waits until it has succeeded; answers its id. */
export async function trained(api: APIRequestContext, spec: object): Promise<string> {
  const run = await api.post("/v1/runs", { data: spec });
  expect(run.status(), await run.text()).toBe(201);
  const { id } = (await run.json()) as { id: string };
  await expect(async () => {
    const now = (await (await api.get(`/v1/runs/${id}?wait_s=20`)).json()) as { status: string };
    expect(now.status).toBe("succeeded");
  }).toPass({ timeout: 60_000 });
  return id;
}
