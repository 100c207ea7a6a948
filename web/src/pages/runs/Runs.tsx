import { api, ok } from "../../api/client";
import { useResource } from "../../api/resource";
import type { Run } from "../../api/types";
import { t } from "../../i18n";
import { Card, PageHead } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { RunsTable } from "./RunsTable";

export default function Runs() {
  const runs = useResource("runs", (signal) => ok(api.GET("/v1/runs", { params: { query: { limit: 50 } }, signal })));
  return (
    <>
      <PageHead title={t("runs.title")} />
      <Card flush>
        <Loaded from={runs} lines={8}>
          {(page) => (page.data.length === 0 ? <Empty title={t("runs.none")}>{t("runs.none_body")}</Empty> : <RunsTable label={t("runs.title")} runs={page.data as Run[]} />)}
        </Loaded>
      </Card>
    </>
  );
}
