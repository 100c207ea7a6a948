import type { Run } from "../../api/types";
import { count, duration, number, time } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Bar, StatusBadge } from "../../ui/Badge";
import { Card, Facts, PageHead } from "../../ui/Card";
import { Notice } from "../../ui/State";
import { Actions } from "./Actions";
import type { ComponentChildren } from "preact";

function origin(run: Run): ComponentChildren {
  if (!run.parent) return null;
  const words = { retry: t("run.from_retry"), fork: t("run.from_fork"), reproduce: t("run.from_reproduce") };
  return <> · <a href={to(`/runs/${run.parent.id}`)}>{words[run.parent.kind as keyof typeof words] ?? run.parent.kind}</a></>;
}

/** The numbers that matter at a glance. */
function facts(run: Run): [string, ComponentChildren][] {
  const { epoch, epochs, step, steps, best, eta_ms, patience_left } = run.progress;
  const shown: [string, ComponentChildren][] = [
    [t("word.epoch"), `${count(epoch)} / ${count(epochs)}`],
    [t("word.step"), steps > 0 ? `${count(step)} / ${count(steps)}` : "–"],
  ];
  if (run.status === "running" && typeof eta_ms === "number") shown.push([t("run.left"), duration(eta_ms)]);
  if (typeof best === "number") shown.push([t("run.best"), number(best)]);
  if (typeof patience_left === "number") shown.push([t("run.patience"), count(patience_left)]);
  shown.push([t("run.trained_for"), duration(run.timings.running_ms)]);
  if (run.timings.queued_ms > 1000) shown.push([t("run.waited"), duration(run.timings.queued_ms)]);
  shown.push([t("word.dataset"), <a key="dataset" href={to(`/datasets/${run.dataset.id}`)}>{String(run.spec.dataset ?? "")}</a>]);
  if (run.model) shown.push([t("run.model"), <a key="model" href={to(`/models/${encodeURIComponent(run.model.name)}`)}>{run.model.name} v{run.model.version}</a>]);
  return shown;
}

function progressLook(run: Run): "" | "good" | "bad" {
  return run.status === "succeeded" ? "good" : run.status === "failed" ? "bad" : "";
}

export function Head({ run }: { run: Run }) {
  const { step, steps } = run.progress;
  return (
    <>
      <PageHead title={run.name} about={<><StatusBadge status={run.status} /> {run.family} · {time(run.created_at)}{origin(run)}</>} actions={<Actions run={run} />} />
      {run.status_reason && (
        <div class="reason">
          <Notice look={run.status === "failed" ? "bad" : "warn"} title={run.status_reason.code}>{run.status_reason.message}</Notice>
        </div>
      )}
      <Card>
        <div class="stack">
          <Facts of={facts(run)} />
          <Bar share={run.status === "succeeded" ? 1 : steps > 0 ? step / steps : 0} label={t("word.progress")} look={progressLook(run)} />
        </div>
      </Card>
    </>
  );
}
