import type { Run } from "../../api/types";
import { t } from "../../i18n";
import type { PageProps } from "../../pages";
import { to } from "../../router";
import { Card } from "../../ui/Card";
import { Loaded, ProblemNotice, Skeleton } from "../../ui/State";
import { Snippet } from "../../ui/Snippet";
import { Tabs } from "../../ui/Tabs";
import { Checkpoints } from "./Checkpoints";
import { CurvesCards } from "./Curves";
import { Diagnoses } from "./Diagnoses";
import { Evaluation } from "./Evaluation";
import { Head } from "./Head";
import { Log } from "./Log";
import { useCurves, useRun } from "./useRun";
import "./run.css";

const TABS = ["curves", "evaluation", "checkpoints", "log", "spec"] as const;
type Tab = (typeof TABS)[number];

function CurvesTab({ id }: { id: string }) {
  const { curves, problem } = useCurves(id);
  if (problem) return <ProblemNotice problem={problem} />;
  return curves ? <CurvesCards curves={curves} /> : <Card><Skeleton lines={8} /></Card>;
}

function Part({ tab, run }: { tab: Tab; run: Run }) {
  switch (tab) {
    case "curves":
      return (
        <div class="stack">
          <Diagnoses run={run} />
          <CurvesTab id={run.id} />
        </div>
      );
    case "evaluation":
      return <Evaluation run={run} />;
    case "checkpoints":
      return <Checkpoints id={run.id} />;
    case "log":
      return <Log id={run.id} />;
    case "spec":
      return (
        <div class="pair">
          <Card title={t("run.spec")}><Snippet label={t("run.spec")} code={JSON.stringify(run.spec, null, 2)} /></Card>
          {run.resolved_spec && <Card title={t("run.resolved")}><Snippet label={t("run.resolved")} code={JSON.stringify(run.resolved_spec, null, 2)} /></Card>}
        </div>
      );
  }
}

export default function RunPage({ params, query }: PageProps) {
  const id = params.id as string;
  const run = useRun(id);
  const tab = TABS.find((name) => name === query.get("tab")) ?? "curves";
  return (
    <Loaded from={run} lines={10}>
      {(shown) => (
        <>
          <Head run={shown} />
          <div class="run-tabs">
            <Tabs label={shown.name} tabs={TABS.map((name) => ({ href: to(`/runs/${id}`, { tab: name === "curves" ? undefined : name }), text: t(`run.${name}`), current: name === tab }))} />
            <Part tab={tab} run={shown} />
          </div>
        </>
      )}
    </Loaded>
  );
}
