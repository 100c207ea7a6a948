// The words of the contract, under short names. Everything here is generated from openapi.json; see `npm run types`.
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
export type { paths };
export type Dataset = Schemas["Dataset"];
export type ColumnKind = Schemas["ColumnKind"];
export type ColumnProfile = Schemas["ColumnProfile"];
export type Profile = Schemas["Profile"];
export type Run = Omit<Schemas["Run"], "result" | "metrics" | "spec" | "resolved_spec"> & {
  result?: RunResult | null;
  metrics?: Record<string, number | null> | null;
  spec: Json;
  resolved_spec?: Json | null;
};
export type Status = Schemas["Status"];
export type Queue = Schemas["Queue"];
export type Plan = Schemas["Plan"];
export type ModelVersion = Schemas["ModelVersion"];
export type Diagnosis = Schemas["Diagnosis"];
export type Checkpoint = Schemas["Checkpoint"];
export type LogLine = Schemas["LogLine"];
export type Points = Schemas["Points"];
export type ProblemBody = Schemas["Problem"];
export type Violation = Schemas["Violation"];

/** A JSON object whose form another document describes (a spec, a model's document). */
export type Json = { [key: string]: JsonValue };
export type JsonValue = string | number | boolean | null | JsonValue[] | Json;

/** What a run found out at its end; which members there are depends on its task. */
export interface RunResult {
  metrics?: Record<string, number | null>;
  confusion?: { labels: string[]; counts: number[][] };
  [key: string]: unknown;
}
export type Prediction = Schemas["Prediction"];
export type Predictions = Schemas["Predictions"];
