// Reading and correcting datasets.
import { answered, api, ok } from "./client";
import type { ColumnKind, Dataset, Page, Profile, Rows } from "./types";

export function listDatasets(query: { limit?: number; after?: string }, signal?: AbortSignal): Promise<Page<Dataset>> {
  return ok(api.GET("/v1/datasets", { params: { query }, signal }));
}

/** A dataset as it was when it was read; a correction on top of somebody else's is refused. */
export interface Tagged {
  dataset: Dataset;
  tag: string;
}

export async function readDataset(id: string, signal?: AbortSignal): Promise<Tagged> {
  const { data, response } = await answered(api.GET("/v1/datasets/{id}", { params: { path: { id } }, signal }));
  return { dataset: data, tag: response.headers.get("etag") ?? "" };
}

export function readProfile(id: string, signal?: AbortSignal): Promise<Profile> {
  return ok(api.GET("/v1/datasets/{id}/profile", { params: { path: { id } }, signal }));
}

export function readRows(id: string, offset: number, limit: number, signal?: AbortSignal): Promise<Rows> {
  return ok(api.GET("/v1/datasets/{id}/rows", { params: { path: { id }, query: { offset, limit } }, signal }));
}

export async function correctKind(on: Tagged, column: string, kind: ColumnKind): Promise<Tagged> {
  const params = { path: { id: on.dataset.id }, header: { "If-Match": on.tag } };
  const { data, response } = await answered(api.PATCH("/v1/datasets/{id}", { params, body: { columns: { [column]: kind } } }));
  return { dataset: data, tag: response.headers.get("etag") ?? "" };
}

export function deleteDataset(id: string): Promise<void> {
  return ok(api.DELETE("/v1/datasets/{id}", { params: { path: { id } } })) as Promise<void>;
}
