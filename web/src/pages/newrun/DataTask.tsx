import { useResource } from "../../api/resource";
import { api, ok } from "../../api/client";
import type { Problem } from "../../api/problem";
import type { Dataset, Json } from "../../api/types";
import { t } from "../../i18n";
import { explained, words } from "../../i18n/served";
import { Card } from "../../ui/Card";
import { Field, SelectField } from "../../ui/Field";
import { type Family, begin, familyOf, targets, task, withFamily, withTask } from "./spec";

interface DataTaskProps {
  spec: Json;
  datasets: Dataset[];
  dataset: Dataset | undefined;
  problem: Problem | undefined;
  onChange: (spec: Json) => void;
}

function Families({ spec, dataset, onChange }: DataTaskProps) {
  const families = useResource("families", (signal) => ok(api.GET("/v1/families", { signal })));
  const now = familyOf(spec);
  return (
    <fieldset class="families">
      <legend>{t("newrun.family")}</legend>
      {(families.data?.data ?? []).map((family) => (
        <label key={family.name} class={`family${family.name === now ? " chosen" : ""}`}>
          <input type="radio" name="family" checked={family.name === now} onChange={() => onChange(withFamily(spec, family.name as Family, dataset))} />
          <span>
            <strong>{words(family.name)}</strong>
            <span class="soft small">{explained(family.about)}</span>
          </span>
        </label>
      ))}
    </fieldset>
  );
}

/** Columns that are looked at; what cannot be encoded is not among them. */
function Features({ spec, dataset, onChange }: DataTaskProps) {
  const now = task(spec);
  const columns = (dataset?.columns ?? []).filter((column) => column.name !== now.target && column.kind !== "text");
  const features = now.features as { include?: string[]; exclude?: string[] } | undefined;
  const looksAt = (name: string) => (features?.include ? features.include.includes(name) : !features?.exclude?.includes(name));
  if (columns.length < 2) return null;
  const toggle = (name: string) => {
    const exclude = columns.map((column) => column.name).filter((other) => looksAt(other) === (other === name));
    onChange(withTask(spec, "features", exclude.length > 0 ? { exclude } : undefined));
  };
  return (
    <div class="field">
      <span class="label" id="features">{t("newrun.features")}</span>
      <div class="chips" role="group" aria-labelledby="features">
        {columns.map(({ name }) => <button key={name} type="button" aria-pressed={looksAt(name)} onClick={() => toggle(name)}>{name}</button>)}
      </div>
      <span class="hint">{t("newrun.features_hint")}</span>
    </div>
  );
}

function wrong(problem: Problem | undefined, pointer: string): string | undefined {
  return problem?.at(pointer, true).map((one) => one.message).join(" ") || undefined;
}

/** What is learned from what. */
export function DataTask(props: DataTaskProps) {
  const { spec, datasets, dataset, problem, onChange } = props;
  const target = String(task(spec).target ?? "");
  const possible = dataset ? targets(dataset, familyOf(spec)) : [];
  const shown = possible.includes(target) || target === "" ? possible : [target, ...possible];
  const choose = (name: string) => {
    const next = datasets.find((one) => one.name === name);
    if (next) onChange({ ...spec, ...begin(next) });
  };
  return (
    <Card title={t("newrun.data")}>
      <div class="stack">
        <div class="members">
          <SelectField label={t("word.dataset")} error={wrong(problem, "/dataset")} value={dataset?.name ?? ""} options={datasets.map((one) => [one.name, one.name] as const)} onChange={choose} />
          <Field label={t("newrun.target")} hint={t("newrun.target_hint")} error={wrong(problem, "/task/target")}>
            {(wiring) => (
              <select {...wiring} class="input" value={target} onChange={(event) => onChange(withTask(spec, "target", event.currentTarget.value))}>
                {shown.map((name) => <option key={name} value={name}>{name}</option>)}
              </select>
            )}
          </Field>
        </div>
        <Families {...props} />
        <Features {...props} />
      </div>
    </Card>
  );
}
