import { useMemo, useRef, useState } from "preact/hooks";
import { api, ok, once } from "../../api/client";
import { useResource } from "../../api/resource";
import { planRun, submitRun } from "../../api/runs";
import type { Dataset, Json, JsonValue } from "../../api/types";
import { t } from "../../i18n";
import { go } from "../../router";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { TextField } from "../../ui/Field";
import { Loaded } from "../../ui/State";
import { attempt } from "../../ui/Toast";
import { DataTask } from "./DataTask";
import { NetworkEditor } from "./NetworkEditor";
import { PlanPanel } from "./PlanPanel";
import { Member, Members } from "./SchemaField";
import { Snippets } from "./Snippets";
import { ELSEWHERE, FOLDED } from "./parts";
import { presetsFor } from "./presets";
import type { Schema } from "./schema";
import { familyOf, task, withMember } from "./spec";
import { useDelayed } from "./useDelayed";

function Presets({ spec, dataset, onChange }: { spec: Json; dataset: Dataset; onChange: (spec: Json) => void }) {
  const { network: _n, optimizer: _o, loss: _l, training: _t, ...rest } = spec;
  return (
    <div class="presets" role="group" aria-label={t("newrun.presets")}>
      {presetsFor(dataset).map((preset) => {
        const next = { ...rest, ...preset.parts };
        return (
          <button key={preset.title} type="button" aria-pressed={JSON.stringify(next) === JSON.stringify({ ...rest, ...spec })} onClick={() => onChange(next)}>
            <strong>{t(preset.title)}</strong>
            <span>{t(preset.about)}</span>
          </button>
        );
      })}
    </div>
  );
}

/** Parts that few need, folded away until they are asked for or hold something. */
function More({ title, open, children }: { title: string; open: boolean; children: preact.ComponentChildren }) {
  return (
    <details class="card flush more" open={open}>
      <summary>{title}</summary>
      <div>{children}</div>
    </details>
  );
}

interface FormProps {
  first: Json;
  datasets: Dataset[];
}

/** The document of a new run, written by controls; what it would become stands beside it while it is written. */
export function NewRunForm({ first, datasets }: FormProps) {
  const [spec, setSpec] = useState(first);
  const [busy, setBusy] = useState(false);
  const settled = useDelayed(spec, 350);
  const text = JSON.stringify(settled);
  const plan = useResource(`plan ${text}`, (signal) => planRun(settled, signal));
  const last = useRef(plan.data);
  if (plan.data) last.current = plan.data;
  // A key for each document: pressing twice is one run, and a changed document is another.
  const key = useMemo(once, [text]);
  const family = familyOf(spec);
  const schema = useResource(`schema ${family}`, (signal) => ok(api.GET("/v1/families/{name}/schema", { params: { path: { name: family } }, signal })) as Promise<Schema>);
  const dataset = datasets.find((one) => one.name === spec.dataset || one.id === spec.dataset);
  const problem = plan.problem;
  const set = (name: string) => (value: JsonValue | undefined) => setSpec((now) => withMember(now, name, value));
  const submit = async () => {
    setBusy(true);
    await attempt(async () => go(`/runs/${(await submitRun(spec, key)).id}`));
    setBusy(false);
  };

  return (
    <form
      class="newrun"
      onSubmit={(event) => {
        event.preventDefault();
        void submit();
      }}
    >
      <div class="stack">
        {dataset && family !== "perceptron" && <Presets spec={spec} dataset={dataset} onChange={setSpec} />}
        <DataTask spec={spec} datasets={datasets} dataset={dataset} problem={problem} onChange={setSpec} />
        <Loaded from={schema} lines={10}>
          {(root) => {
            const form = { root, problem };
            const member = (name: string) => root.properties?.[name] && <Member key={name} form={form} name={name} pointer={`/${name}`} schema={root.properties[name]} value={spec[name]} onChange={set(name)} />;
            const taskSchema = root.$defs?.Task;
            const training = root.$defs?.Training;
            return (
              <>
                {family !== "perceptron" && <NetworkEditor form={form} network={spec.network} plan={last.current} onChange={set("network")} />}
                {training && (
                  <Card title={t("newrun.training")}>
                    <Members form={form} schema={training} value={(spec.training as Json | undefined) ?? {}} pointer="/training" skip={ELSEWHERE.training} onChange={set("training")} />
                  </Card>
                )}
                {root.properties?.optimizer && <Card title={t("newrun.optimizer")}>{member("optimizer")}</Card>}
                {root.properties?.loss && <More title={t("word.loss")} open={spec.loss !== undefined}>{member("loss")}</More>}
                {taskSchema && (
                  <More title={t("newrun.split")} open={problem?.at("/task/split", true).length === 1}>
                    <Members form={form} schema={taskSchema} value={task(spec)} pointer="/task" skip={ELSEWHERE.task} onChange={set("task")} />
                  </More>
                )}
                <More title={t("newrun.rest")} open={false}>
                  <div class="stack">{FOLDED.map(member)}</div>
                </More>
              </>
            );
          }}
        </Loaded>
      </div>
      <aside>
        <div class="submit">
          <TextField label={t("word.name")} placeholder={dataset?.name} value={String(spec.name ?? "")} onInput={(name) => set("name")(name === "" ? undefined : name)} />
          <Button type="submit" look="primary" busy={busy} disabled={Boolean(problem)}>{t("newrun.start")}</Button>
        </div>
        <PlanPanel plan={{ ...plan, data: plan.data ?? (problem ? undefined : last.current) }} stale={plan.loading || settled !== spec} />
        <Snippets spec={spec} />
      </aside>
    </form>
  );
}
