// The words of the contract, under short names. Everything here is generated from openapi.json (`npm run types`), except the inside
// of specs and results, which the contract describes by the served JSON Schema.
import type { components, paths } from "./schema";

type Schemas = components["schemas"];
/** `T` with some members told more exactly. */
type Refined<T, U> = Omit<T, keyof U> & U;

export type { paths };
export type Json = { [key: string]: JsonValue };
export type JsonValue = string | number | boolean | null | JsonValue[] | Json;
/** Numbers by name; `null` is one that is not finite. */
export type Numbers = Record<string, number | null>;

export interface Page<T> {
  data: T[];
  has_more: boolean;
  last_id?: string | null;
}

export type Dataset = Schemas["Dataset"];
export type ColumnKind = Schemas["ColumnKind"];
export type ColumnProfile = Schemas["ColumnProfile"];
export type Profile = Schemas["Profile"];
export type Rows = Schemas["Rows"];
export type Run = Refined<Schemas["Run"], { result?: RunResult | null; metrics?: Numbers | null; spec: Json; resolved_spec?: Json | null }>;
export type Status = Schemas["Status"];
export type Queue = Schemas["Queue"];
export type Usage = Schemas["Usage"];
export type Plan = Refined<Schemas["Plan"], { resolved_spec: Json; layers?: PlanLayer[] }>;
/** A layer of a plan: what comes out of it, and how many numbers it learns. */
export interface PlanLayer {
  kind: string;
  shape: number[];
  parameters: number;
}
export type ModelVersion = Schemas["ModelVersion"];
export type Diagnosis = Refined<Schemas["Diagnosis"], { remedy?: { text: string; spec_patch: Json | null } | null; evidence: JsonValue }>;
export type Checkpoint = Schemas["Checkpoint"];
export type LogLine = Schemas["LogLine"] & { level?: string; message?: string };
export type Metrics = Schemas["Metrics"];
export type Points = Schemas["Points"];
export type ProblemBody = Schemas["Problem"];
export type Violation = Schemas["Violation"];

/** What a run found out at its end; which members there are depends on its task. */
export interface RunResult {
  metrics?: Numbers;
  confusion?: { labels: string[]; counts: number[][] } | null;
  roc?: ClassRoc[];
  residuals?: Residuals[];
}

/** How many of a class are found for how many false alarms. */
export interface ClassRoc {
  label: string;
  auc: number;
  false_positive_rate: number[];
  true_positive_rate: number[];
}

/** Rows of the test part, in the units of the file. */
export interface Residuals {
  target: string;
  actual: number[];
  predicted: number[];
}
export type Prediction = Schemas["Prediction"];
export type Predictions = Schemas["Predictions"];
export type Trajectory = Schemas["Trajectory"];
export type Sweep = Refined<Schemas["Sweep"], { space: Record<string, Domain>; strategy: { kind: string } & Json; objective: { metric: string; direction: "minimize" | "maximize" }; best?: BestChild | null; spec: Json }>;
export type BestChild = Refined<Schemas["BestChild"], { parameters: Json }>;
export type SweepResult = Refined<Schemas["SweepResult"], { parameters: Json }>;
/** What may stand at a place of the spec. */
export type Domain =
  | { kind: "uniform" | "log_uniform"; low: number; high: number }
  | { kind: "integer"; low: number; high: number; log?: boolean }
  | { kind: "choice"; values: JsonValue[] };
export type Landscape = Schemas["Landscape"];
export type Question = Schemas["Question"];
export type Surface = Schemas["Surface"];
