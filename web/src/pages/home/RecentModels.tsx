import type { Resource } from "../../api/resource";
import type { ModelVersion, Page } from "../../api/types";
import { ago, number } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Card } from "../../ui/Card";
import { Loaded } from "../../ui/State";

/** The number by which a model is judged at a glance: how good it is on rows it never saw. */
function headline(metrics: Record<string, number | null>): string | null {
  for (const name of ["test_accuracy", "validation_accuracy", "test_rmse", "validation_rmse", "validation_loss"]) {
    const value = metrics[name];
    if (value !== undefined && value !== null) return `${name.replace("_", " ")} ${number(value)}`;
  }
  return null;
}

export function RecentModels({ models }: { models: Resource<Page<ModelVersion>> }) {
  return (
    <Card title={t("home.models")}>
      <Loaded from={models}>
        {({ data }) =>
          data.length === 0 ? (
            <p class="soft small">{t("home.models_none")}</p>
          ) : (
            <ul class="lines">
              {data.map((model) => (
                <li key={model.sha256}>
                  <span class="cut">
                    {model.run ? <a href={to(`/runs/${model.run}`)}>{model.name}</a> : model.name} <span class="tag">v{model.version}</span>
                    <br />
                    <span class="soft small">{headline(model.metrics)}</span>
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
