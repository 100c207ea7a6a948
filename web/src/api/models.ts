// What several parts of the dashboard do with models.
import { api, every, ok } from "./client";
import type { Json, ModelVersion } from "./types";

/** The newest version of each model, by name. */
export function listModels(signal: AbortSignal): Promise<ModelVersion[]> {
  return every((after) => ok(api.GET("/v1/models", { params: { query: { limit: 100, after } }, signal })));
}

/** Every version of a model, newest first. */
export function listVersions(name: string, signal: AbortSignal): Promise<ModelVersion[]> {
  return every((after) => ok(api.GET("/v1/models/{name}/versions", { params: { path: { name }, query: { limit: 100, after } }, signal })));
}

/** The number that a model is judged by first: accuracy of classes, R² of values, else the loss. */
export function mainMetric(metrics: unknown): [string, number] | null {
  const known = metrics as Json;
  for (const name of ["test_accuracy", "test_r2", "test_loss", "train_accuracy", "train_r2", "train_loss"]) {
    const value = known[name];
    if (typeof value === "number") return [name, value];
  }
  return null;
}
