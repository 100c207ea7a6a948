import type { Run } from "../../api/types";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Empty } from "../../ui/State";
import { Confusion } from "./Confusion";
import { ResidualsChart } from "./ResidualsChart";
import { Roc } from "./Roc";
import { MetricTable } from "./MetricTable";

/** How good the model is, once it is there. */
export function Evaluation({ run }: { run: Run }) {
  const { result } = run;
  if (!result) return <Card><Empty title={t("run.no_result")}>{t("run.no_result_body")}</Empty></Card>;
  return (
    <div class="stack">
      {result.metrics && <Card title={t("run.metrics")} flush><MetricTable metrics={result.metrics} /></Card>}
      {result.confusion && <Card title={t("run.confusion")}><Confusion {...result.confusion} /></Card>}
      {result.roc && result.roc.length > 0 && <Card title={t("run.roc")}><Roc curves={result.roc} /></Card>}
      {result.residuals?.map((one) => <Card key={one.target} title={t("run.predicted_true", one.target)}><ResidualsChart of={one} /></Card>)}
    </div>
  );
}
