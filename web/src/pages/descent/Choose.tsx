import { listRuns } from "../../api/runs";
import { useResource } from "../../api/resource";
import { ago, count } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { StatusBadge } from "../../ui/Badge";
import { Card, PageHead } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { Table } from "../../ui/Table";

/** Descent without a run: which one? */
export default function Choose() {
  const runs = useResource("runs with a path", (signal) => listRuns({ limit: 50 }, signal));
  return (
    <>
      <PageHead title={t("descent.title")} about={t("descent.about")} />
      <Card title={t("descent.choose")} flush>
        <Loaded from={runs} lines={6}>
          {(page) => {
            const trained = page.data.filter((run) => run.progress.step > 0);
            if (trained.length === 0) return <Empty title={t("runs.none")}>{t("runs.none_body")}</Empty>;
            return (
              <Table
                label={t("descent.choose")}
                rows={trained}
                id={(run) => run.id}
                columns={[
                  { head: t("word.name"), cell: (run) => <a href={to(`/descent/${run.id}`)}>{run.name}</a> },
                  { head: t("word.status"), cell: (run) => <StatusBadge status={run.status} /> },
                  { head: t("word.step"), end: true, cell: (run) => count(run.progress.step) },
                  { head: t("word.created"), end: true, cell: (run) => ago(run.created_at) },
                ]}
              />
            );
          }}
        </Loaded>
      </Card>
    </>
  );
}
