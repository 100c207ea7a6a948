// What distinguishes runs: the members of their filled-in specs that are not the same everywhere.
import type { Json, JsonValue, Run } from "../../api/types";

/** Every value of a document by its JSON Pointer; lists count as one value, so that networks stay readable. */
export function flattened(value: JsonValue | undefined, pointer = ""): Map<string, JsonValue> {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return new Map(value === undefined ? [] : [[pointer, value]]);
  const found = new Map<string, JsonValue>();
  for (const [name, member] of Object.entries(value)) {
    for (const [deeper, one] of flattened(member, `${pointer}/${name}`)) found.set(deeper, one);
  }
  return found;
}

export interface Difference {
  pointer: string;
  /** The value in each run; `undefined` where the run has no such member. */
  values: (JsonValue | undefined)[];
}

/** Names and labels tell runs apart, but nothing about how they were trained. */
const SAYS_NOTHING = /^\/(name|metadata|priority)(\/|$)/;

export function differences(runs: Run[]): Difference[] {
  const all = runs.map((run) => flattened((run.resolved_spec ?? run.spec) as Json));
  // A spec names its dataset by its name or by its id, so two texts may mean one.
  if (new Set(runs.map((run) => run.dataset.id)).size === 1) for (const settings of all) settings.delete("/dataset");
  const pointers = [...new Set(all.flatMap((one) => [...one.keys()]))].filter((pointer) => !SAYS_NOTHING.test(pointer));
  return pointers
    .map((pointer) => ({ pointer, values: all.map((one) => one.get(pointer)) }))
    .filter(({ values }) => new Set(values.map((value) => JSON.stringify(value))).size > 1);
}

/** A value in a cell; the layers of a network in one line. */
export function shown(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "–";
  if (!Array.isArray(value)) return String(value);
  return value.map((one) => (one !== null && typeof one === "object" && !Array.isArray(one) ? layer(one) : String(one))).join(" → ");
}

function layer(one: Json): string {
  const size = one.units ?? one.filters ?? one.rate;
  return `${String(one.kind)}${size === undefined ? "" : ` ${String(size)}`}`;
}
