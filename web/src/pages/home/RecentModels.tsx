import { mainMetric } from "../../api/models";
import type { Resource } from "../../api/resource";
import type { ModelVersion } from "../../api/types";
import { ago, number } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Card } from "../../ui/Card";
import { Loaded } from "../../ui/State";

/** How good the model is, at a glance. */
function headline(model: ModelVersion): string {
  const metric = mainMetric(model.metrics);
  return metric ? `${metric[0].replaceAll("_", " ")} ${number(metric[1])}` : "";
}

/** The last that were made; the list of the server is by name. */
function newest(models: ModelVersion[]): ModelVersion[] {
  return [...models].sort((a, b) => b.created_at.localeCompare(a.created_at)).slice(0, 5);
}

export function RecentModels({ models }: { models: Resource<ModelVersion[]> }) {
  return (
    <Card title={t("home.models")}>
      <Loaded from={models}>
        {(all) =>
          all.length === 0 ? (
            <p class="soft small">{t("home.models_none")}</p>
          ) : (
            <ul class="lines">
              {newest(all).map((model) => (
                <li key={model.sha256}>
                  <span class="cut">
                    <a href={to(`/models/${encodeURIComponent(model.name)}`)}>{model.name}</a> <span class="tag">v{model.version}</span>
                    <br />
                    <span class="soft small">{headline(model)}</span>
                  </span>
                  <span class="soft small">{ago(model.created_at)}</span>
                </li>
              ))}
            </ul>
          )
        }
      </Loaded>
    </Card>
  );
}
