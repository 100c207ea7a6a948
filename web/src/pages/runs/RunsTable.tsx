import type { Run } from "../../api/types";
import { ago, duration, time } from "../../format";
import { t } from "../../i18n";
import { liveRun } from "../../live/runs";
import { to } from "../../router";
import { Bar, StatusBadge } from "../../ui/Badge";
import { Table, type TableColumn } from "../../ui/Table";

/** Part of the steps that are done, between 0 and 1. */
function share(run: Run): number {
  const { step, steps } = run.progress;
  return run.status === "succeeded" ? 1 : steps > 0 ? step / steps : 0;
}

/** Cells that move while the run does; each listens to its own run. */
function Status({ run }: { run: Run }) {
  return <StatusBadge status={(liveRun(run.id)?.value.run ?? run).status} />;
}

function Progress({ run }: { run: Run }) {
  const now = liveRun(run.id)?.value.run ?? run;
  const look = now.status === "succeeded" ? "good" : now.status === "failed" ? "bad" : "";
  return <Bar share={share(now)} label={t("word.progress")} look={look} />;
}

interface RunsTableProps {
  runs: Run[];
  label: string;
  /** Where runs can be chosen: which are, and what happens then. */
  chosen?: ReadonlySet<string>;
  onChoose?: (run: Run) => void;
}

/** Runs, newest first, as a table that leads to each of them. */
export function RunsTable({ runs, label, chosen, onChoose }: RunsTableProps) {
  const columns: TableColumn<Run>[] = [
    { head: t("word.name"), cell: (run) => <a href={to(`/runs/${run.id}`)}>{run.name}</a> },
    { head: t("word.status"), cell: (run) => <Status run={run} /> },
    { head: t("word.progress"), cell: (run) => <Progress run={run} /> },
    { head: t("word.family"), cell: (run) => <span class="soft">{run.family}</span> },
    { head: t("word.time"), end: true, cell: (run) => duration(run.timings.running_ms) },
    { head: t("word.created"), end: true, cell: (run) => <time dateTime={run.created_at} title={time(run.created_at)}>{ago(run.created_at)}</time> },
  ];
  if (chosen && onChoose) {
    const box = (run: Run) => <input type="checkbox" aria-label={t("runs.choose", run.name)} checked={chosen.has(run.id)} onChange={() => onChoose(run)} />;
    columns.unshift({ head: <span class="only-read">{t("nav.compare")}</span>, cell: box });
  }
  return <Table label={label} rows={runs} id={(run) => run.id} columns={columns} />;
}
