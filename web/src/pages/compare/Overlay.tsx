import { useEffect, useMemo, useState } from "preact/hooks";
import { readMetrics } from "../../api/runs";
import { useResource } from "../../api/resource";
import type { Run } from "../../api/types";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Chart, type Line } from "../../ui/Chart";
import { useView, ViewControls } from "../../ui/ChartControls";
import { SelectField } from "../../ui/Field";
import { Loaded } from "../../ui/State";
import { seriesLabel } from "../run/Curves";
import { align, fromMetrics, smooth, type Curves } from "../run/series";
import { useWhenRunsChange } from "../../live/runs";

/** The most points of one curve: several runs share the screen. */
const POINTS = 2000;

/** Colours go round after eight runs; then lines are dashed. */
export function colourOf(idx: number): { colour: number; dashed: boolean } {
  return { colour: (idx % 8) + 1, dashed: idx >= 8 };
}

/** The name of a run, with its position where several have the same. */
export function labelOf(runs: Run[], idx: number): string {
  const name = runs[idx]?.name ?? "";
  return runs.filter((run) => run.name === name).length > 1 ? `${name} #${idx + 1}` : name;
}

function Curve({ runs, all, name }: { runs: Run[]; all: Curves[]; name: string }) {
  const [view, setView] = useView(0);
  const { x, lines } = useMemo(() => {
    const joined = align(all.map((curves) => curves.get(name) ?? { steps: [], values: [] }));
    const drawn = joined.values.map((values, idx): Line => ({ label: labelOf(runs, idx), ...colourOf(idx), values: smooth(values, view.smoothing) }));
    return { x: joined.x, lines: drawn };
  }, [all, name, view.smoothing, runs]);
  return (
    <div class="stack">
      <ViewControls view={view} onChange={setView} />
      <Chart label={seriesLabel(name)} x={x} lines={lines} log={view.log} xLabel={t("word.step")} height={360} />
    </div>
  );
}

/** The same curve of every run, one over the other. */
export function Overlay({ runs }: { runs: Run[] }) {
  const ids = runs.map((run) => run.id).join();
  const metrics = useResource(`compare ${ids}`, (signal) => Promise.all(runs.map((run) => readMetrics(run.id, POINTS, undefined, signal).then(fromMetrics))));
  useWhenRunsChange(metrics.reload);
  const [chosen, choose] = useState("validation_loss");
  const names = useMemo(() => [...new Set((metrics.data ?? []).flatMap((curves) => [...curves.keys()]))].sort(), [metrics.data]);
  useEffect(() => {
    if (names.length > 0 && !names.includes(chosen)) choose(names.includes("loss") ? "loss" : (names[0] as string));
  }, [names, chosen]);
  return (
    <Card title={t("compare.curves")}>
      <Loaded from={metrics} lines={8}>
        {(all) => (
          <div class="stack">
            <div class="compare-metric"><SelectField label={t("run.metric")} value={chosen} options={names.map((name) => [name, seriesLabel(name)] as const)} onChange={choose} /></div>
            <Curve runs={runs} all={all} name={chosen} />
          </div>
        )}
      </Loaded>
    </Card>
  );
}
