// What a test prepares before it looks at a page, through the API as a program would.
import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { example } from "./server.ts";
import { expect, type Owner } from "./test.ts";

export interface Run {
  id: string;
  name: string;
  status: string;
  progress: { step: number };
  model: { name: string } | null;
}

/** Uploads a file of `examples/`; answers the dataset's id. */
export async function upload({ api }: Owner, file: string): Promise<string> {
  const name = basename(file).split(".")[0] as string;
  const answer = await api.post(`/v1/datasets?name=${name}`, { headers: { "content-type": "text/csv" }, data: await readFile(example(file)) });
  expect(answer.status(), await answer.text()).toBe(201);
  return ((await answer.json()) as { id: string }).id;
}

/** A run of a small network that tells the irises apart. */
export async function submit({ api }: Owner, name: string, training: Record<string, unknown> = {}): Promise<Run> {
  const answer = await api.post("/v1/runs", {
    data: {
      name,
      dataset: "iris",
      task: { kind: "classification", target: "target" },
      network: [{ kind: "dense", units: 8, activation: "relu" }],
      training: { epochs: 20, seed: 1, ...training },
    },
  });
  expect(answer.status(), await answer.text()).toBe(201);
  return (await answer.json()) as Run;
}

/** The run as it ended. */
export async function ended({ api }: Owner, id: string): Promise<Run> {
  const answer = await api.get(`/v1/runs/${id}?wait_s=60`);
  const run = (await answer.json()) as Run & { terminal: boolean };
  expect(run.terminal, `${run.name} is still ${run.status}`).toBe(true);
  return run;
}
