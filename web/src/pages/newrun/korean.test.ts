// Whether everything that the form takes from the schemas of the families is known in Korean, and nothing else is.
import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { korean } from "../../i18n/korean";
import { ELSEWHERE, FOLDED } from "./parts";
import { type Schema, type Variant, look, resolved, variants } from "./schema";

const FAMILIES = ["classification", "regression", "embedding", "perceptron"];

/** What the controls of a schema show, as the controls find it. */
class Shown {
  readonly explanations = new Set<string>();
  /** Labels of members. */
  readonly members = new Set<string>();
  /** Labels of what can be chosen: words, or names of things that have no other name. */
  readonly choices = new Set<string>();
  private readonly visited = new Set<string>();

  constructor(private readonly root: Schema) {}

  explanation(text: string | undefined): void {
    if (text) this.explanations.add(text);
  }

  variants(several: Variant[]): void {
    for (const one of several) {
      this.choices.add(one.kind);
      this.explanation(one.about);
      this.object(one.schema, ["kind"]);
    }
  }

  object(schema: Schema, skip: string[] = []): void {
    for (const [name, member] of Object.entries(schema.properties ?? {})) if (!skip.includes(name)) this.member(name, member);
  }

  member(name: string, schema: Schema): void {
    this.members.add(name);
    this.control(schema);
  }

  private control(schema: Schema): void {
    // Layers hold layers, and a schedule may be followed by another.
    const written = JSON.stringify(schema);
    if (this.visited.has(written)) return;
    this.visited.add(written);
    const looked = look(schema, this.root);
    this.explanation(looked.about);
    if (looked.control === "choice") for (const option of looked.options) this.choices.add(option);
    else if (looked.control === "variants") this.variants(looked.variants);
    else if (looked.control === "object") this.object(looked.schema);
    else if (looked.control === "list") this.control(looked.item);
  }
}

/** What the form shows of a family, part by part as it stands in Form.tsx. */
function shown(family: string): Shown {
  const root = JSON.parse(readFileSync(new URL(`../../../../api/families/${family}.json`, import.meta.url), "utf8")) as Schema;
  const all = new Shown(root);
  const { Layer, NetworkFamily, Training, Task } = root.$defs ?? {};
  all.choices.add(family);
  // The plan ends with the layer that follows from the task.
  all.choices.add("output");
  all.explanation(root.description);
  if (family !== "perceptron") for (const several of [Layer, NetworkFamily]) all.variants(several ? (variants(resolved(several, root), root) ?? []) : []);
  if (Training) all.object(Training, ELSEWHERE.training);
  if (Task) all.object(Task, ELSEWHERE.task);
  for (const name of ["optimizer", "loss", ...FOLDED]) {
    const member = root.properties?.[name];
    if (member) all.member(name, member);
  }
  return all;
}

const families = FAMILIES.map(shown);
const all = (of: (one: Shown) => Set<string>) => new Set(families.flatMap((one) => [...of(one)]));
const explanations = all((one) => one.explanations);
const members = all((one) => one.members);
const choices = all((one) => one.choices);

test("every explanation of the form has Korean words", () => {
  expect(explanations.size).toBeGreaterThan(100);
  expect([...explanations].filter((text) => !korean.explanations[text])).toEqual([]);
});

test("every label of a member has Korean words; what can be chosen may keep its name", () => {
  expect([...members].filter((name) => !korean.names[name])).toEqual([]);
});

test("no entry of the dictionary is without use", () => {
  expect(Object.keys(korean.explanations).filter((text) => !explanations.has(text))).toEqual([]);
  expect(Object.keys(korean.names).filter((name) => !members.has(name) && !choices.has(name))).toEqual([]);
});
