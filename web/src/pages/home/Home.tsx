import { api, ok } from "../../api/client";
import { useResource } from "../../api/resource";
import { listModels } from "../../api/models";
import { listRuns } from "../../api/runs";
import { t } from "../../i18n";
import { useLiveRuns, useWhenRunsChange } from "../../live/runs";
import { to } from "../../router";
import { LinkButton } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { Loaded } from "../../ui/State";
import { RunsTable } from "../runs/RunsTable";
import { Figures } from "./Figures";
import { QueueCard } from "./QueueCard";
import { RecentModels } from "./RecentModels";
import { Running } from "./Running";
import { Start } from "./Start";
import "./home.css";

export default function Home() {
  useLiveRuns();
  const usage = useResource("usage", (signal) => ok(api.GET("/v1/usage", { signal })));
  const queue = useResource("queue", (signal) => ok(api.GET("/v1/queue", { signal })));
  const models = useResource("models", listModels);
  const recent = useResource("recent", (signal) => listRuns({ limit: 8 }, signal));
  useWhenRunsChange(() => {
    for (const resource of [usage, queue, models, recent]) resource.reload();
  });
  const empty = usage.data && usage.data.datasets.used === 0;
  return (
    <>
      <PageHead title={t("home.title")} about={t("home.about")} actions={<LinkButton look="primary" href={to(empty ? "/datasets" : "/new")}>{t(empty ? "home.first_dataset" : "nav.new_run")}</LinkButton>} />
      {usage.data && <Figures usage={usage.data} />}
      {empty ? (
        <Start />
      ) : (
        <div class="home">
          <div class="stack">
            <Running />
            <Card title={t("home.recent")} flush actions={<a class="small" href={to("/runs")}>{t("home.all_runs")}</a>}>
              <Loaded from={recent}>{(page) => <RunsTable label={t("home.recent")} runs={page.data} />}</Loaded>
            </Card>
          </div>
          <div class="stack">
            <QueueCard queue={queue} />
            <RecentModels models={models} />
          </div>
        </div>
      )}
    </>
  );
}
