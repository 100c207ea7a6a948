import { api, ok } from "../../api/client";
import { useResource } from "../../api/resource";
import type { Run } from "../../api/types";
import { t } from "../../i18n";
import { Card, PageHead } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { RunsTable } from "../runs/RunsTable";

export default function Home() {
  const recent = useResource("recent", (signal) => ok(api.GET("/v1/runs", { params: { query: { limit: 10 } }, signal })));
  return (
    <>
      <PageHead title={t("home.title")} />
      <Card title={t("home.recent")} flush>
        <Loaded from={recent}>
          {(page) => (page.data.length === 0 ? <Empty title={t("runs.none")}>{t("runs.none_body")}</Empty> : <RunsTable label={t("home.recent")} runs={page.data as Run[]} />)}
        </Loaded>
      </Card>
    </>
  );
}
