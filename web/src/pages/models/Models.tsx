import { useResource } from "../../api/resource";
import { listModels, mainMetric } from "../../api/models";
import type { ModelVersion } from "../../api/types";
import { ago, bytes, number, time } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Card, PageHead } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { Table } from "../../ui/Table";
import "./models.css";

/** The address of a model's page, of its newest version or of one. */
export function modelPage(name: string, version?: number): string {
  return to(`/models/${encodeURIComponent(name)}`, { version: version?.toString() });
}

export function Metric({ of }: { of: ModelVersion }) {
  const metric = mainMetric(of.metrics);
  if (!metric) return <span class="soft">–</span>;
  return <><span class="soft small">{metric[0]}</span> <b class="number">{number(metric[1])}</b></>;
}

export default function Models() {
  const models = useResource("models", listModels);
  return (
    <>
      <PageHead title={t("models.title")} about={t("models.about")} />
      <Card flush>
        <Loaded from={models} lines={6}>
          {(rows) =>
            rows.length === 0 ? (
              <Empty title={t("models.none")}>{t("models.none_body")}</Empty>
            ) : (
              <Table
                label={t("models.title")}
                rows={rows}
                id={(model) => model.name}
                columns={[
                  { head: t("word.name"), cell: (model) => <a href={modelPage(model.name)}>{model.name}</a> },
                  { head: t("models.version"), end: true, cell: (model) => model.version },
                  { head: t("models.aliases"), cell: (model) => <span class="row">{model.aliases.map((alias) => <span key={alias} class="tag">{alias}</span>)}</span> },
                  { head: t("models.quality"), cell: (model) => <Metric of={model} /> },
                  { head: t("word.size"), end: true, cell: (model) => bytes(model.size_bytes) },
                  { head: t("word.created"), end: true, cell: (model) => <time dateTime={model.created_at} title={time(model.created_at)}>{ago(model.created_at)}</time> },
                ]}
              />
            )
          }
        </Loaded>
      </Card>
    </>
  );
}
