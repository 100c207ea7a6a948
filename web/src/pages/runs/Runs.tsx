import { useState } from "preact/hooks";
import { useResource } from "../../api/resource";
import { listRuns } from "../../api/runs";
import type { Run, Status } from "../../api/types";
import { t } from "../../i18n";
import { ACTIVE, useLiveRuns, useWhenRunsChange } from "../../live/runs";
import { go, to } from "../../router";
import type { PageProps } from "../../pages";
import { Button, LinkButton } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { Choice } from "../../ui/Tabs";
import { attempt } from "../../ui/Toast";
import { RunsTable } from "./RunsTable";

const filters = { all: [], active: ACTIVE, succeeded: ["succeeded"], failed: ["failed"], cancelled: ["cancelled"] } as const satisfies Record<string, readonly Status[]>;
type Filter = keyof typeof filters;

function isFilter(word: string): word is Filter {
  return word in filters;
}

export default function Runs({ query }: PageProps) {
  useLiveRuns();
  const wanted = query.get("status") ?? "all";
  const filter: Filter = isFilter(wanted) ? wanted : "all";
  const status = filters[filter].length > 0 ? [...filters[filter]] : undefined;
  const runs = useResource(`runs ${filter}`, (signal) => listRuns({ limit: 50, status }, signal));
  useWhenRunsChange(runs.reload);
  const [chosen, setChosen] = useState<ReadonlySet<string>>(new Set());

  const choose = (run: Run) => {
    const next = new Set(chosen);
    if (!next.delete(run.id)) next.add(run.id);
    setChosen(next);
  };
  const more = () => attempt(async () => {
    const before = runs.data;
    const next = await listRuns({ limit: 50, status, after: before?.last_id ?? undefined });
    runs.set({ ...next, data: [...(before?.data ?? []), ...next.data] });
  });

  return (
    <>
      <PageHead
        title={t("runs.title")}
        about={t("runs.about")}
        actions={
          <>
            {chosen.size > 1 && <LinkButton href={to("/compare", { runs: [...chosen].join(",") })}>{t("runs.compare", chosen.size)}</LinkButton>}
            <LinkButton look="primary" href={to("/new")}>{t("nav.new_run")}</LinkButton>
          </>
        }
      />
      <div class="stack">
        <div>
          <Choice
            label={t("runs.filter")}
            value={filter}
            options={[["all", t("runs.all")], ["active", t("runs.active")], ["succeeded", t("status.succeeded")], ["failed", t("status.failed")], ["cancelled", t("status.cancelled")]]}
            onChange={(next) => go("/runs", { status: next === "all" ? undefined : next }, "replace")}
          />
        </div>
        <Card flush>
          <Loaded from={runs} lines={8}>
            {(page) =>
              page.data.length > 0 ? (
                <RunsTable label={t("runs.title")} runs={page.data} chosen={chosen} onChoose={choose} />
              ) : filter === "all" ? (
                <Empty title={t("runs.none")} actions={<LinkButton href={to("/new")}>{t("nav.new_run")}</LinkButton>}>{t("runs.none_body")}</Empty>
              ) : (
                <Empty title={t("runs.none_like")} />
              )
            }
          </Loaded>
        </Card>
        {runs.data?.has_more && <div><Button onClick={() => void more()}>{t("shell.more")}</Button></div>}
      </div>
    </>
  );
}
