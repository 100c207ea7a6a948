import { useMemo, useState } from "preact/hooks";
import { number } from "../../format";
import { known, t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Chart, type Line } from "../../ui/Chart";
import { useView, ViewControls } from "../../ui/ChartControls";
import { Empty } from "../../ui/State";
import { Choice } from "../../ui/Tabs";
import { type Curves, align, smooth } from "./series";

/** Curves that are measured at every step; all others belong to the end of an epoch, and to a part of the rows. */
const PER_STEP = ["loss", "learning_rate", "gradient_norm"];

/** What a series of the server is called; names that are new to this page are shown as they are. */
export function seriesLabel(name: string): string {
  const key = `series.${name}`;
  if (known(key)) return t(key);
  const [, part, metric] = /^(train|validation|test)_(.+)$/.exec(name) ?? [];
  if (part && metric) return t("run.of_part", t(`word.${part as "train" | "validation" | "test"}`), seriesLabel(metric));
  return name.replaceAll("_", " ");
}

interface Wanted {
  name: string;
  label: string;
  colour: number;
  dashed?: boolean;
}

/** The lines of some series on one axis; with smoothing the measured curve stays in sight behind its average. */
function useLines(curves: Curves, wanted: Wanted[], smoothing: number): { x: number[]; lines: Line[] } {
  const names = wanted.map((one) => `${one.name} ${one.label}`).join();
  return useMemo(() => {
    const there = wanted.filter((one) => curves.has(one.name));
    const { x, values } = align(there.map((one) => curves.get(one.name) ?? { steps: [], values: [] }));
    const lines = there.flatMap((one, idx): Line[] => {
      const { label, colour, dashed } = one;
      const row = values[idx] ?? [];
      // An epoch's value is a mean already; only what is measured at every step is noisy.
      if (smoothing === 0 || !PER_STEP.includes(one.name)) return [{ label, colour, dashed, values: row }];
      return [{ label: t("run.measured", label), colour, values: row, faint: true }, { label, colour, dashed, values: smooth(row, smoothing) }];
    });
    return { x, lines };
    // The names stand for `wanted`, which is made anew at every draw.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [curves, names, smoothing]);
}

function LossChart({ curves, view }: { curves: Curves; view: { log: boolean; smoothing: number } }) {
  const wanted: Wanted[] = [
    { name: "loss", label: t("run.batch_loss"), colour: 8 },
    { name: "train_loss", label: t("word.train"), colour: 1 },
    { name: "validation_loss", label: t("word.validation"), colour: 2 },
  ];
  const { x, lines } = useLines(curves, wanted, view.smoothing);
  return <Chart label={t("run.loss_chart")} x={x} lines={lines} log={view.log} xLabel={t("word.step")} sync="run" height={300} />;
}

/** One metric of the task, on the rows that train and on those that validate. */
function MetricChart({ curves, metric }: { curves: Curves; metric: string }) {
  const wanted: Wanted[] = [
    { name: `train_${metric}`, label: t("word.train"), colour: 1 },
    { name: `validation_${metric}`, label: t("word.validation"), colour: 2 },
  ];
  const { x, lines } = useLines(curves, wanted, 0);
  return <Chart label={seriesLabel(metric)} x={x} lines={lines} xLabel={t("word.step")} sync="run" height={220} />;
}

function StepChart({ curves, name, colour, view }: { curves: Curves; name: string; colour: number; view: { log: boolean; smoothing: number } }) {
  const { x, lines } = useLines(curves, [{ name, label: seriesLabel(name), colour }], name === "learning_rate" ? 0 : view.smoothing);
  return <Chart label={seriesLabel(name)} x={x} lines={lines} log={view.log} xLabel={t("word.step")} sync="run" height={180} />;
}

/** Best values so far, in words: what the curves say to those who cannot see them. */
function Summary({ curves }: { curves: Curves }) {
  const last = (name: string) => curves.get(name)?.values.at(-1);
  return <p class="only-read">{t("run.loss_now", number(last("train_loss")), number(last("validation_loss")))}</p>;
}

export function CurvesCards({ curves }: { curves: Curves }) {
  const [view, setView] = useView(0.9);
  const metrics = [...curves.keys()].filter((name) => name.startsWith("train_") && name !== "train_loss").map((name) => name.slice(6));
  const [chosen, choose] = useState<string>();
  const metric = chosen && metrics.includes(chosen) ? chosen : metrics[0];
  if (curves.size === 0) return <Card title={t("word.loss")}><Empty title={t("run.no_curves")}>{t("run.no_curves_body")}</Empty></Card>;
  return (
    <>
      <Card title={t("word.loss")} actions={<ViewControls view={view} onChange={setView} />}>
        <Summary curves={curves} />
        <LossChart curves={curves} view={view} />
        <p class="soft small chart-help">{t("run.chart_help")}</p>
      </Card>
      {metric && (
        <Card title={t("run.metrics")} actions={<Choice label={t("run.metrics")} value={metric} options={metrics.map((name) => [name, seriesLabel(name)] as const)} onChange={choose} />}>
          <MetricChart curves={curves} metric={metric} />
        </Card>
      )}
      <div class="pair">
        {curves.has("learning_rate") && <Card title={seriesLabel("learning_rate")}><StepChart curves={curves} name="learning_rate" colour={3} view={view} /></Card>}
        {curves.has("gradient_norm") && <Card title={seriesLabel("gradient_norm")}><StepChart curves={curves} name="gradient_norm" colour={4} view={view} /></Card>}
      </div>
    </>
  );
}
