import type { Resource } from "../../api/resource";
import type { Plan, PlanLayer } from "../../api/types";
import { bytes, count, duration } from "../../format";
import { t } from "../../i18n";
import { words } from "../../i18n/served";
import { Card, Facts } from "../../ui/Card";
import { ProblemNotice, Skeleton } from "../../ui/State";

/** The layers as they would be trained; the bars compare their parameters on a logarithmic scale. */
function Outline({ layers }: { layers: PlanLayer[] }) {
  const most = Math.log1p(Math.max(1, ...layers.map((layer) => layer.parameters)));
  return (
    <ol class="outline">
      {layers.map((layer, idx) => (
        <li key={idx}>
          <span>{words(layer.kind)}</span>
          <span class="soft number">{layer.shape.join(" × ")}</span>
          <span class="soft number end">{layer.parameters > 0 ? count(layer.parameters) : ""}</span>
          <i style={{ transform: `scaleX(${Math.log1p(layer.parameters) / most})` }} />
        </li>
      ))}
    </ol>
  );
}

/** What the document would become, asked with `dry_run` while it is written. */
export function PlanPanel({ plan, stale }: { plan: Resource<Plan>; stale: boolean }) {
  if (plan.problem) return <ProblemNotice problem={plan.problem} />;
  if (!plan.data) return <Card title={t("newrun.plan")}><Skeleton lines={5} /></Card>;
  const { parameters, layers, memory, steps, running_ms, waiting_ms, n_train, n_features, queue_position } = plan.data;
  return (
    <Card title={t("newrun.plan")}>
      <div class={`stack${stale ? " stale" : ""}`} aria-live="polite" aria-busy={stale}>
        <Facts
          of={[
            [t("newrun.parameters"), count(parameters)],
            [t("newrun.takes"), `≈ ${duration(running_ms)}`],
            [t("newrun.memory"), bytes(memory.total_bytes)],
            [t("newrun.steps"), count(steps)],
            [t("newrun.train_rows"), count(n_train)],
            [t("newrun.n_features"), count(n_features)],
            [t("newrun.starts"), queue_position === 1 && waiting_ms === 0 ? t("newrun.at_once") : t("newrun.in_queue", queue_position)],
          ]}
        />
        {layers && layers.length > 0 && <Outline layers={layers} />}
      </div>
    </Card>
  );
}
