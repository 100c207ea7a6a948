// Reading and moving runs. The contract leaves the inner form of specs and results open (the served JSON Schema describes them), so
// their types are given here, once.
import { api, ok, once } from "./client";
import type { Checkpoint, Diagnosis, Json, LogLine, Metrics, Page, Plan, Run, Status } from "./types";

interface RunsQuery {
  limit?: number;
  after?: string;
  status?: Status[];
  dataset?: string;
}

export function listRuns(query: RunsQuery, signal?: AbortSignal): Promise<Page<Run>> {
  return ok(api.GET("/v1/runs", { params: { query }, signal })) as Promise<Page<Run>>;
}

export function readRun(id: string, signal?: AbortSignal): Promise<Run> {
  return ok(api.GET("/v1/runs/{id}", { params: { path: { id } }, signal })) as Promise<Run>;
}

export function planRun(spec: Json, signal?: AbortSignal): Promise<Plan> {
  return ok(api.POST("/v1/runs", { params: { query: { dry_run: true } }, body: spec as never, signal })) as Promise<Plan>;
}

export function submitRun(spec: Json, key = once()): Promise<Run> {
  return ok(api.POST("/v1/runs", { params: { header: key }, body: spec as never })) as Promise<Run>;
}

export type Action = "cancel" | "pause" | "resume";

export function act(id: string, action: Action): Promise<Run> {
  return ok(api.POST(`/v1/runs/{id}/${action}`, { params: { path: { id } } })) as Promise<Run>;
}

/** A new run that comes from this one. */
export function again(id: string, how: "retry" | "reproduce"): Promise<Run> {
  return ok(api.POST(`/v1/runs/{id}/${how}`, { params: { path: { id }, header: once() } })) as Promise<Run>;
}

export function forkRun(id: string, spec_patch: Json, checkpoint: "latest" | "best" | "scratch"): Promise<Run> {
  return ok(api.POST("/v1/runs/{id}/fork", { params: { path: { id }, header: once() }, body: { checkpoint, spec_patch } as never })) as Promise<Run>;
}

export function deleteRun(id: string): Promise<void> {
  return ok(api.DELETE("/v1/runs/{id}", { params: { path: { id } } })) as Promise<void>;
}

export function readMetrics(id: string, maxPoints: number, names?: string[], signal?: AbortSignal): Promise<Metrics> {
  return ok(api.GET("/v1/runs/{id}/metrics", { params: { path: { id }, query: { max_points: maxPoints, names: names?.join(",") } }, signal })) as Promise<Metrics>;
}

export function listDiagnoses(id: string, signal?: AbortSignal): Promise<Page<Diagnosis>> {
  return ok(api.GET("/v1/runs/{id}/diagnoses", { params: { path: { id } }, signal })) as Promise<Page<Diagnosis>>;
}

export function listCheckpoints(id: string, signal?: AbortSignal): Promise<Page<Checkpoint>> {
  return ok(api.GET("/v1/runs/{id}/checkpoints", { params: { path: { id } }, signal }));
}

export function listLogs(id: string, after: string | undefined, signal?: AbortSignal): Promise<Page<LogLine>> {
  return ok(api.GET("/v1/runs/{id}/logs", { params: { path: { id }, query: { limit: 100, after: after as never } }, signal })) as Promise<Page<LogLine>>;
}
