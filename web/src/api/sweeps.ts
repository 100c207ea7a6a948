// Reading, starting and steering sweeps. Their specs and values are open in the contract, as those of runs are.
import { answered, api, every, ok, once } from "./client";
import type { Domain, Json, Page, Sweep, SweepResult } from "./types";

export interface NewSweep {
  name?: string;
  spec: Json;
  space: Record<string, Domain>;
  strategy: { kind: string };
  budget: { runs?: number; minutes?: number; parallel?: number };
  objective?: { metric: string };
  seed?: number;
}

export function listSweeps(signal?: AbortSignal): Promise<Page<Sweep>> {
  return ok(api.GET("/v1/sweeps", { params: { query: { limit: 50 } }, signal })) as unknown as Promise<Page<Sweep>>;
}

export function readSweep(id: string, signal?: AbortSignal): Promise<Sweep> {
  return ok(api.GET("/v1/sweeps/{id}", { params: { path: { id } }, signal })) as unknown as Promise<Sweep>;
}

/** Every child, in the order they were proposed. */
export function readResults(id: string, signal?: AbortSignal): Promise<SweepResult[]> {
  return every((after) => ok(api.GET("/v1/sweeps/{id}/results", { params: { path: { id }, query: { limit: 100, order: "asc", after } }, signal })) as Promise<Page<SweepResult>>);
}

export function startSweep(sweep: NewSweep): Promise<Sweep> {
  return ok(api.POST("/v1/sweeps", { params: { header: once() }, body: sweep as never })) as unknown as Promise<Sweep>;
}

/** No new child begins; those at work go on, or end too with `cancel`. */
export function stopSweep(id: string, cancel: boolean): Promise<Sweep> {
  return ok(api.POST("/v1/sweeps/{id}/stop", { params: { path: { id }, query: { cancel } } })) as unknown as Promise<Sweep>;
}

/** A larger budget, against the state that is there now. */
export async function enlargeSweep(id: string, runs: number): Promise<void> {
  const { response } = await answered(api.GET("/v1/sweeps/{id}", { params: { path: { id } } }));
  await ok(api.PATCH("/v1/sweeps/{id}", { params: { path: { id }, header: { "If-Match": response.headers.get("etag") ?? undefined } }, body: { budget: { runs } } }));
}

export async function deleteSweep(id: string, runs: boolean): Promise<void> {
  const { response } = await answered(api.GET("/v1/sweeps/{id}", { params: { path: { id } } }));
  await ok(api.DELETE("/v1/sweeps/{id}", { params: { path: { id }, query: { runs }, header: { "If-Match": response.headers.get("etag") ?? undefined } } }));
}
