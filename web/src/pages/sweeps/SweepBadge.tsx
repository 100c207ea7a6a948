import type { Sweep } from "../../api/types";
import { count } from "../../format";
import { t } from "../../i18n";
import { Bar } from "../../ui/Badge";

const looks: Record<Sweep["status"], string> = { running: "accent moving", stopping: "warn moving", completed: "good", stopped: "", failed: "bad" };

export function SweepBadge({ status }: { status: Sweep["status"] }) {
  return <span class={`badge ${looks[status]}`}>{t(`sweeps.status.${status}`)}</span>;
}

export function SweepProgress({ of: { progress, status } }: { of: Sweep }) {
  const { finished, planned, running } = progress;
  return (
    <div class="sweep-progress">
      <Bar share={planned > 0 ? finished / planned : 0} label={t("word.progress")} look={status === "completed" ? "good" : ""} />
      <span class="small soft number">
        {t("sweeps.progress", count(finished), count(planned))}
        {running > 0 && ` · ${t("sweeps.running_now", count(running))}`}
      </span>
    </div>
  );
}
