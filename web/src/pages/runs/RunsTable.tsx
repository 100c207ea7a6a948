import type { Run } from "../../api/types";
import { ago, duration, percent, time } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Bar, StatusBadge } from "../../ui/Badge";
import { Table } from "../../ui/Table";

/** Part of the steps that are done, between 0 and 1. */
export function share(run: Run): number {
  const { step, steps } = run.progress;
  return run.status === "succeeded" ? 1 : steps > 0 ? step / steps : 0;
}

function Progress({ run }: { run: Run }) {
  if (run.terminal && run.status !== "succeeded") return <span class="soft">{percent(share(run))}</span>;
  return <Bar share={share(run)} label={t("word.progress")} look={run.status === "succeeded" ? "good" : ""} />;
}

/** Runs, newest first, as a table that leads to each of them. */
export function RunsTable({ runs, label }: { runs: Run[]; label: string }) {
  return (
    <Table
      label={label}
      rows={runs}
      id={(run) => run.id}
      columns={[
        { head: t("word.name"), cell: (run) => <a href={to(`/runs/${run.id}`)}>{run.name}</a> },
        { head: t("word.status"), cell: (run) => <StatusBadge status={run.status} /> },
        { head: t("word.progress"), cell: (run) => <Progress run={run} /> },
        { head: t("word.family"), cell: (run) => run.family },
        { head: t("word.time"), end: true, cell: (run) => duration(run.timings.running_ms) },
        { head: t("word.created"), end: true, cell: (run) => <time dateTime={run.created_at} title={time(run.created_at)}>{ago(run.created_at)}</time> },
      ]}
    />
  );
}
