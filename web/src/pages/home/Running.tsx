import type { Signal } from "@preact/signals";
import { count, duration, number } from "../../format";
import { t } from "../../i18n";
import { type LiveRun, activeIds, liveRun } from "../../live/runs";
import { to } from "../../router";
import { Bar, StatusBadge } from "../../ui/Badge";
import { LinkButton } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Sparkline } from "../../ui/Sparkline";
import { Empty } from "../../ui/State";

/** One run as it trains; only this is drawn again when it moves. */
function RunningRun({ live }: { live: Signal<LiveRun> }) {
  const { run, losses } = live.value;
  const { step, steps, epoch, epochs, eta_ms } = run.progress;
  const validation = run.metrics?.validation_loss;
  return (
    <li>
      <div class="head">
        <a class="cut" href={to(`/runs/${run.id}`)}>{run.name}</a>
        <StatusBadge status={run.status} />
      </div>
      <Sparkline values={losses} />
      <div class="say">
        {steps > 0 && <span>{t("home.epoch_of", count(epoch), count(epochs))}</span>}
        {validation !== undefined && <span>{t("home.validation_loss", number(validation))}</span>}
        {run.status === "running" && eta_ms !== null && eta_ms !== undefined && <span>{t("home.left", duration(eta_ms))}</span>}
      </div>
      <Bar share={steps > 0 ? step / steps : 0} label={t("home.progress_of", run.name)} />
    </li>
  );
}

/** Every run that a worker has in its hands. */
export function Running() {
  const moving = activeIds.value.filter((id) => liveRun(id)?.value.run.status !== "queued");
  return (
    <Card title={t("home.running")}>
      {moving.length === 0 ? (
        <Empty title={t("home.nothing_runs")} actions={<LinkButton href={to("/new")}>{t("nav.new_run")}</LinkButton>}>{t("home.nothing_runs_body")}</Empty>
      ) : (
        <ul class="running">
          {moving.map((id) => {
            const live = liveRun(id);
            return live && <RunningRun key={id} live={live} />;
          })}
        </ul>
      )}
    </Card>
  );
}
