import type { Usage } from "../../api/types";
import { bytes, count } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";

/** What the owner has, in four numbers. */
export function Figures({ usage }: { usage: Usage }) {
  return (
    <div class="figures">
      <div class="figure">
        <b>{count(usage.running_runs.used)}</b>
        <span>{t("home.figure_running")}</span>
      </div>
      <a href={to("/runs")}>
        <b>{count(usage.n_runs)}</b>
        <span>{t("home.figure_runs")}</span>
      </a>
      <a href={to("/datasets")}>
        <b>{count(usage.datasets.used)}</b>
        <span>{t("home.figure_datasets", bytes(usage.dataset_bytes.used))}</span>
      </a>
      <div class="figure">
        <b>{count(usage.n_model_versions)}</b>
        <span>{t("home.figure_models")}</span>
      </div>
    </div>
  );
}
