// Datasets and runs that pages are to show, made through the API as an owner's programs would.
import { readFile } from "node:fs/promises";
import { example } from "./server.ts";
import { type Owner, expect } from "./test.ts";

export interface RunObject {
  id: string;
  name: string;
  status: string;
}

/** Uploads a file of `examples/`; answers the dataset's id. */
export async function dataset(owner: Owner, file: string): Promise<string> {
  const made = await owner.api.post(`/v1/datasets?name=${file.replace(/\.csv$/, "")}`, { data: await readFile(example(file)), headers: { "content-type": "text/csv" } });
  expect(made.status()).toBe(201);
  return ((await made.json()) as { id: string }).id;
}

export async function submit(owner: Owner, spec: object): Promise<RunObject> {
  const made = await owner.api.post("/v1/runs", { data: spec });
  expect(made.status(), await made.text()).toBe(201);
  return (await made.json()) as RunObject;
}

/** Submits and waits for the end, whatever it is. */
export async function finished(owner: Owner, spec: object): Promise<RunObject> {
  let run = await submit(owner, spec);
  for (let tries = 0; !/^(succeeded|failed|cancelled)$/.test(run.status) && tries < 4; tries++) {
    run = (await (await owner.api.get(`/v1/runs/${run.id}?wait_s=20`)).json()) as RunObject;
  }
  return run;
}

export const CLASSIFY_PENGUINS = { dataset: "penguins", task: { kind: "classification", target: "species" } };

/** Longer than any test waits. */
export const ENDLESS = { ...CLASSIFY_PENGUINS, name: "endless", training: { epochs: 100_000 } };
