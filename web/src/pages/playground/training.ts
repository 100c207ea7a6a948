// Training a toy set on the real server, and following the weights point by point while it goes on.
import { useCallback, useEffect, useRef, useState } from "preact/hooks";
import { api, ok, once } from "../../api/client";
import { Problem } from "../../api/problem";
import { sleep } from "../../api/retry";
import { readMetrics } from "../../api/runs";
import type { Run, Trajectory } from "../../api/types";
import { attempt } from "../../ui/Toast";
import { csv, datasetName, make, type ToySet } from "./toysets";

export const OPTIMIZERS = ["sgd", "momentum", "adagrad", "rmsprop", "adam", "adamw", "lion"] as const;
export type OptimizerName = (typeof OPTIMIZERS)[number];
export const ACTIVATIONS = ["tanh", "relu", "leaky_relu", "elu", "gelu", "silu", "sigmoid", "softplus"] as const;
export type ActivationName = (typeof ACTIVATIONS)[number];

/** Everything that can be chosen on the page. */
export interface Choice {
  set: ToySet;
  /** Units of each hidden layer. */
  layers: number[];
  activation: ActivationName;
  optimizer: OptimizerName;
  learningRate: number;
  batchSize: number;
  epochs: number;
  seed: number;
}

type PathPoint = Trajectory["points"][number];

/** What is known of the run so far. */
export interface Recorded {
  run: Run | null;
  /** What the run was asked to do. */
  trained: Choice | null;
  path: Pick<Trajectory, "inputs" | "layers" | "outputs"> | null;
  points: (PathPoint & { weights: number[] })[];
  train: Series;
  validation: Series;
  /** Codes of the diagnoses that the server made. */
  codes: string[];
}
export interface Series {
  steps: number[];
  values: (number | null)[];
}

const NOTHING: Recorded = { run: null, trained: null, path: null, points: [], train: { steps: [], values: [] }, validation: { steps: [], values: [] }, codes: [] };
/** Between two looks at a run that goes on. */
const LOOK_MS = 120;

export function specOf(choice: Choice, dataset: string) {
  const { optimizer, learningRate } = choice;
  return {
    name: "playground",
    dataset,
    task: { kind: "classification" as const, target: "label" },
    network: choice.layers.map((units) => ({ kind: "dense" as const, units, activation: choice.activation })),
    optimizer: optimizer === "momentum" ? { kind: "sgd" as const, momentum: 0.9, learning_rate: learningRate } : { kind: optimizer, learning_rate: learningRate },
    training: { epochs: choice.epochs, batch_size: choice.batchSize, seed: choice.seed, early_stopping: null },
    metadata: { from: "playground" },
  };
}

/** The id of the set's dataset; it is uploaded when the server does not have it. */
async function upload(set: ToySet, signal: AbortSignal): Promise<string> {
  const name = datasetName(set);
  const known = await ok(api.GET("/v1/datasets", { params: { query: { name, limit: 1 } }, signal }));
  const found = known.data[0]?.id;
  if (found) return found;
  const made = await ok(
    api.POST("/v1/datasets", { params: { query: { name } }, headers: { "Content-Type": "text/csv", ...once() }, body: csv(make(set)), bodySerializer: (body: unknown) => body as string, signal }),
  );
  return made.id;
}

/** The points so far with newer ones; the last known one may have been on its way and is replaced. */
function grown(before: Recorded["points"], next: PathPoint[]): Recorded["points"] {
  const first = next[0]?.step;
  const kept = first === undefined ? before : before.filter((point) => point.step < first);
  return [...kept, ...next.filter((point): point is PathPoint & { weights: number[] } => Array.isArray(point.weights))];
}

/** One look at a run: what is new of its path, its losses, its state. */
async function look(id: string, before: Recorded, signal: AbortSignal): Promise<Recorded> {
  const params = { path: { id } };
  const run = (await ok(api.GET("/v1/runs/{id}", { params, signal }))) as Run;
  const [path, metrics, diagnoses] = await Promise.all([
    ok(api.GET("/v1/runs/{id}/trajectory", { params: { ...params, query: { weights: true, after_step: before.points.at(-2)?.step } }, signal })),
    readMetrics(id, 2000, ["train_loss", "validation_loss"], signal),
    ok(api.GET("/v1/runs/{id}/diagnoses", { params, signal })),
  ]);
  const series = (name: string): Series => metrics.series.find((each) => each.name === name) ?? { steps: [], values: [] };
  return { ...before, run, path: path.layers ? path : before.path, points: grown(before.points, path.points), train: series("train_loss"), validation: series("validation_loss"), codes: diagnoses.data.map((each) => each.code) };
}

/** Removes a run that another one took the place of, with the model it left; one that goes on is cancelled first. */
async function remove(id: string, keep: boolean): Promise<void> {
  await attempt(async () => {
    const params = { path: { id } };
    let run = await ok(api.GET("/v1/runs/{id}", { params }));
    if (!run.terminal) {
      await ok(api.POST("/v1/runs/{id}/cancel", { params }));
      run = await ok(api.GET("/v1/runs/{id}", { params: { ...params, query: { wait_s: 10 } } }));
    }
    if (keep || !run.terminal) return;
    if (run.model) await ok(api.DELETE("/v1/models/{name}/versions/{version}", { params: { path: { name: run.model.name, version: run.model.version } } }));
    await ok(api.DELETE("/v1/runs/{id}", { params }));
  });
}

export interface Training extends Recorded {
  problem: Problem | undefined;
  /** From the press of the button until the run ends. */
  busy: boolean;
  /** `onFirst` is called when the first points of the new run are there. */
  start: (choice: Choice, onFirst: () => void) => void;
}

/** Runs that a later one replaces are removed, unless `keep` is set. */
export function useTraining(keep: boolean): Training {
  const [recorded, setRecorded] = useState<Recorded>(NOTHING);
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const stop = useRef<AbortController | null>(null);
  const current = useRef<string | null>(null);
  const keeps = useRef(keep);
  keeps.current = keep;
  useEffect(() => () => stop.current?.abort(), []);

  const start = useCallback((choice: Choice, onFirst: () => void) => {
    stop.current?.abort();
    const mine = (stop.current = new AbortController());
    const before = current.current;
    current.current = null;
    setBusy(true);
    setProblem(undefined);
    const follow = async () => {
      // Beside the new run, which does not wait for it.
      if (before) void remove(before, keeps.current);
      const dataset = await upload(choice.set, mine.signal);
      const { id } = (await ok(api.POST("/v1/runs", { body: specOf(choice, dataset), headers: once(), signal: mine.signal }))) as Run;
      current.current = id;
      let state: Recorded = { ...NOTHING, trained: choice };
      while (!mine.signal.aborted) {
        const first = state.points.length === 0;
        state = await look(id, state, mine.signal);
        if (mine.signal.aborted) return;
        if (state.points.length > 0 || state.run?.terminal) setRecorded(state);
        if (first && state.points.length > 0) onFirst();
        if (state.run?.terminal) return;
        await sleep(LOOK_MS, mine.signal);
      }
    };
    follow()
      .catch((error: unknown) => !mine.signal.aborted && setProblem(Problem.from(error)))
      .finally(() => !mine.signal.aborted && setBusy(false));
  }, []);
  return { ...recorded, problem, busy, start };
}
