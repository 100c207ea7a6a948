import { useState } from "preact/hooks";
import { useResource } from "../../api/resource";
import { listRuns, readRun } from "../../api/runs";
import type { JsonValue, Run } from "../../api/types";
import { t } from "../../i18n";
import { useLiveRuns, useWhenRunsChange } from "../../live/runs";
import type { PageProps } from "../../pages";
import { go, to } from "../../router";
import { Button, LinkButton } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { Parallel } from "../../ui/Parallel";
import type { Cell } from "../../ui/parallelaxes";
import { Empty, Loaded } from "../../ui/State";
import { seriesLabel } from "../run/Curves";
import { RunsTable } from "../runs/RunsTable";
import { DifferenceTable, outcomes } from "./DifferenceTable";
import { Overlay, labelOf } from "./Overlay";
import { type Difference, differences, shown } from "./differences";
import "./compare.css";

/** Where nothing is chosen yet: the runs to choose from. */
function Picker() {
  const runs = useResource("runs to compare", (signal) => listRuns({ limit: 50 }, signal));
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());
  const toggle = (run: Run) => {
    const next = new Set(chosen);
    if (!next.delete(run.id)) next.add(run.id);
    setChosen(next);
  };
  const compare = <Button look="primary" disabled={chosen.size < 2} onClick={() => go("/compare", { runs: [...chosen].join(",") })}>{t("runs.compare", chosen.size)}</Button>;
  return (
    <>
      <PageHead title={t("nav.compare")} about={t("compare.choose")} actions={compare} />
      <Card flush>
        <Loaded from={runs} lines={8}>
          {(page) => (page.data.length < 2 ? <Empty title={t("compare.too_few")} actions={<LinkButton href={to("/new")}>{t("nav.new_run")}</LinkButton>}>{t("compare.too_few_body")}</Empty> : <RunsTable label={t("nav.runs")} runs={page.data} chosen={chosen} onChoose={toggle} />)}
        </Loaded>
      </Card>
    </>
  );
}

/** A setting on its axis: numbers and single words as they are, lists and layers by what the table calls them. */
function cell(value: JsonValue | undefined): Cell {
  if (value === undefined || value === null) return null;
  return typeof value === "object" ? shown(value) : value;
}

/** A setting that spans orders of magnitude is spread logarithmically. */
function spreads(values: (JsonValue | undefined)[]): boolean {
  const numbers = values.filter((value) => typeof value === "number");
  return numbers.length > 0 && Math.min(...numbers) > 0 && Math.max(...numbers) / Math.min(...numbers) >= 20;
}

/** From 0 (the worst of these runs) to 1 (the best), by rank. */
function merit(values: (number | null)[], larger: boolean, of: number | null): number | null {
  if (of === null) return null;
  const known = values.filter((value) => value !== null);
  const worse = known.filter((value) => (larger ? value < of : value > of)).length;
  return known.length > 1 ? worse / (known.length - 1) : 1;
}

function Coordinates({ runs, found }: { runs: Run[]; found: Difference[] }) {
  const ends = outcomes(runs).filter(({ name }) => /_(loss|accuracy|rmse|r2)$/.test(name)).slice(0, 2);
  const last = ends.at(-1);
  if (found.length === 0 || !last) return null;
  const axes = [...found.map(({ pointer, values }) => ({ key: pointer, label: pointer.split("/").slice(-2).join(" "), log: spreads(values) })), ...ends.map(({ name }) => ({ key: name, label: seriesLabel(name) }))];
  const rows = runs.map((run, idx) => ({
    id: run.id,
    label: labelOf(runs, idx),
    href: to(`/runs/${run.id}`),
    values: Object.fromEntries([...found.map(({ pointer, values }) => [pointer, cell(values[idx])] as const), ...ends.map(({ name, values }) => [name, values[idx] ?? null] as const)]),
    merit: merit(last.values, /_(accuracy|r2)$/.test(last.name), last.values[idx] ?? null),
  }));
  return (
    <Card title={t("compare.parallel")}>
      <Parallel label={t("compare.parallel")} axes={axes} rows={rows} />
    </Card>
  );
}

export default function Compare({ query }: PageProps) {
  useLiveRuns();
  const ids = (query.get("runs") ?? "").split(",").filter(Boolean);
  const runs = useResource(ids.length > 0 ? `compared ${ids.join()}` : null, (signal) => Promise.all(ids.map((id) => readRun(id, signal))));
  useWhenRunsChange(runs.reload);
  if (ids.length === 0) return <Picker />;
  const remove = (id: string) => go("/compare", { runs: ids.filter((other) => other !== id).join(",") }, "replace");
  return (
    <>
      <PageHead title={t("nav.compare")} about={t("compare.about", ids.length)} actions={<LinkButton href={to("/compare")}>{t("compare.others")}</LinkButton>} />
      <Loaded from={runs} lines={10}>
        {(shownRuns) => {
          const found = differences(shownRuns);
          return (
            <div class="stack">
              <Overlay runs={shownRuns} />
              <DifferenceTable runs={shownRuns} found={found} onRemove={remove} />
              <Coordinates runs={shownRuns} found={found} />
            </div>
          );
        }}
      </Loaded>
    </>
  );
}
