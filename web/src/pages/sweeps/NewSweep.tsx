import { useMemo, useState } from "preact/hooks";
import { Problem } from "../../api/problem";
import { listRuns } from "../../api/runs";
import { useResource } from "../../api/resource";
import { startSweep } from "../../api/sweeps";
import type { Domain, Json, Run } from "../../api/types";
import { type PlainKey, t } from "../../i18n";
import type { PageProps } from "../../pages";
import { go } from "../../router";
import { Button } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { SelectField, TextField } from "../../ui/Field";
import { Empty, Loaded, ProblemNotice } from "../../ui/State";
import { Space } from "./Space";
import { settingsOf, suggested } from "./settings";
import "./sweeps.css";

const STRATEGIES = ["tpe", "random", "asha", "grid", "seeds"] as const;
type StrategyName = (typeof STRATEGIES)[number];

/** The run's spec as the trials share it: every default filled in, and without the name, which is the sweep's. */
function baseOf(run: Run): Json {
  return Object.fromEntries(Object.entries(run.resolved_spec ?? run.spec).filter(([key]) => key !== "name"));
}

export default function NewSweep({ query }: PageProps) {
  const runs = useResource("runs to sweep", (signal) => listRuns({ limit: 100 }, signal));
  return (
    <>
      <PageHead title={t("sweeps.new")} about={t("sweeps.new_about")} />
      <Loaded from={runs} lines={6}>
        {(page) => {
          const usable = page.data.filter((run) => run.resolved_spec);
          return usable.length === 0 ? <Card><Empty title={t("runs.none")}>{t("sweeps.base_none")}</Empty></Card> : <Form runs={usable} first={query.get("run")} />;
        }}
      </Loaded>
    </>
  );
}

/** The domains that a new sweep begins with: the settings that are searched most often. */
function firstSpace(run: Run): Record<string, Domain> {
  return Object.fromEntries(settingsOf(baseOf(run)).slice(0, 2).map((setting) => [setting.pointer, suggested(setting)]));
}

function whole(text: string): number | undefined {
  return text.trim() === "" ? undefined : Number(text);
}

function Form({ runs, first }: { runs: Run[]; first: string | null }) {
  const [base, setBase] = useState<Run>(runs.find((run) => run.id === first) ?? (runs[0] as Run));
  const [space, setSpace] = useState<Record<string, Domain>>(() => firstSpace(base));
  const [name, setName] = useState("");
  const [strategy, setStrategy] = useState<StrategyName>("tpe");
  const [trials, setTrials] = useState("30");
  const [parallel, setParallel] = useState("");
  const [minutes, setMinutes] = useState("");
  const [metric, setMetric] = useState("validation_loss");
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const settings = useMemo(() => settingsOf(baseOf(base)), [base]);
  const seeds = strategy === "seeds";

  const start = async () => {
    setBusy(true);
    setProblem(undefined);
    try {
      const sweep = await startSweep({
        name: name.trim() || `${base.name}-sweep`,
        spec: baseOf(base),
        space: seeds ? {} : space,
        strategy: { kind: strategy },
        budget: { runs: whole(trials), parallel: whole(parallel), minutes: whole(minutes) },
        objective: { metric: metric.trim() },
      });
      go(`/sweeps/${sweep.id}`);
    } catch (error) {
      setProblem(Problem.from(error));
      setBusy(false);
    }
  };
  const fault = (pointer: string) => problem?.at(pointer, true).map((each) => each.message).join(" ") || undefined;

  return (
    <form
      class="stack"
      onSubmit={(event) => {
        event.preventDefault();
        void start();
      }}
    >
      <Card>
        <div class="sweep-fields">
          <SelectField
            label={t("sweeps.base")}
            hint={t("sweeps.base_hint")}
            value={base.id}
            options={runs.map((run) => [run.id, `${run.name} · ${run.id.slice(0, 13)}`] as const)}
            onChange={(id) => {
              const next = runs.find((run) => run.id === id) as Run;
              setBase(next);
              setSpace(firstSpace(next));
            }}
          />
          <TextField label={t("word.name")} value={name} onInput={setName} placeholder={`${base.name}-sweep`} error={fault("/name")} />
        </div>
      </Card>
      {!seeds && <Card title={t("sweeps.space")}><Space settings={settings} space={space} onChange={setSpace} problem={problem} /></Card>}
      <Card title={t("sweeps.how")}>
        <div class="sweep-fields">
          <SelectField label={t("sweeps.strategy")} hint={t(`sweeps.strategy_about.${strategy}` as PlainKey)} value={strategy} options={STRATEGIES.map((each) => [each, t(`sweeps.strategy.${each}`)] as const)} onChange={setStrategy} error={fault("/strategy")} />
          <TextField label={t("sweeps.objective")} hint={t("sweeps.objective_hint")} value={metric} onInput={setMetric} error={fault("/objective")} />
          <TextField label={t("sweeps.runs")} hint={t("sweeps.runs_hint")} value={trials} onInput={setTrials} error={fault("/budget/runs")} />
          <TextField label={t("sweeps.at_once")} hint={t("sweeps.at_once_hint")} value={parallel} onInput={setParallel} error={fault("/budget/parallel")} />
          <TextField label={t("sweeps.minutes")} hint={t("sweeps.minutes_hint")} value={minutes} onInput={setMinutes} error={fault("/budget/minutes")} />
        </div>
      </Card>
      {problem && <ProblemNotice problem={problem} />}
      <div><Button type="submit" look="primary" busy={busy} disabled={!seeds && Object.keys(space).length === 0}>{t("sweeps.start")}</Button></div>
    </form>
  );
}
