import type { Json, Status, Sweep, SweepResult } from "../../api/types";
import { count, number } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { StatusBadge } from "../../ui/Badge";
import { Table } from "../../ui/Table";
import { short } from "./settings";
import { written } from "./written";

function Outcome({ of: { status, message, stopped_early } }: { of: SweepResult }) {
  if (status === "refused" || status === "deleted") return <span class="badge" title={message ?? undefined}>{t(`sweeps.${status}`)}</span>;
  return (
    <span class="row">
      <StatusBadge status={status as Status} />
      {stopped_early && <span class="tag" title={message ?? undefined}>{t("sweeps.stopped_early")}</span>}
    </span>
  );
}

/** The children of a sweep with their settings, the best first; those without a value follow. */
export function Results({ sweep, results, pointers }: { sweep: Sweep; results: SweepResult[]; pointers: string[] }) {
  const sign = sweep.objective.direction === "minimize" ? 1 : -1;
  const worth = (each: SweepResult) => (each.value == null ? Infinity : sign * each.value);
  const rows = [...results].sort((a, b) => (worth(a) === worth(b) ? b.number - a.number : worth(a) - worth(b)));
  return (
    <Table
      label={t("sweeps.results")}
      rows={rows}
      id={(each) => String(each.number)}
      columns={[
        { head: t("sweeps.number"), end: true, cell: (each) => count(each.number) },
        { head: sweep.objective.metric, end: true, cell: (each) => <b>{number(each.value)}</b> },
        ...pointers.map((pointer) => ({ head: short(pointer), end: true, cell: (each: SweepResult) => written((each.parameters as Json)[pointer]) })),
        { head: t("sweeps.epoch"), end: true, cell: (each) => (each.epoch == null ? "–" : count(each.epoch)) },
        { head: t("word.status"), cell: (each) => <Outcome of={each} /> },
        { head: t("sweeps.run"), cell: (each) => (each.run_id ? <a href={to(`/runs/${each.run_id}`)}>{each.run_id.slice(0, 13)}</a> : "–") },
      ]}
    />
  );
}
