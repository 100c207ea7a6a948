import { Plus } from "lucide";
import { useResource } from "../../api/resource";
import { listSweeps } from "../../api/sweeps";
import { ago, number } from "../../format";
import { known, type PlainKey, t } from "../../i18n";
import { to } from "../../router";
import { LinkButton } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { Table } from "../../ui/Table";
import { SweepBadge, SweepProgress } from "./SweepBadge";
import "./sweeps.css";

export function strategyName(kind: string): string {
  const key = `sweeps.strategy.${kind}`;
  return known(key) ? t(key as PlainKey) : kind;
}

export default function Sweeps() {
  const sweeps = useResource("sweeps", listSweeps);
  const add = <LinkButton look="primary" icon={Plus} href={to("/sweeps/new")}>{t("sweeps.new")}</LinkButton>;
  return (
    <>
      <PageHead title={t("sweeps.title")} about={t("sweeps.about")} actions={add} />
      <Card flush>
        <Loaded from={sweeps} lines={5}>
          {(page) =>
            page.data.length === 0 ? (
              <Empty title={t("sweeps.none")}>{t("sweeps.none_body")}</Empty>
            ) : (
              <Table
                label={t("sweeps.title")}
                rows={page.data}
                id={(sweep) => sweep.id}
                columns={[
                  { head: t("word.name"), cell: (sweep) => <a href={to(`/sweeps/${sweep.id}`)}>{sweep.name}</a> },
                  { head: t("word.status"), cell: (sweep) => <SweepBadge status={sweep.status} /> },
                  { head: t("word.progress"), cell: (sweep) => <SweepProgress of={sweep} /> },
                  { head: t("sweeps.strategy"), cell: (sweep) => strategyName(sweep.strategy.kind) },
                  { head: t("sweeps.best"), cell: (sweep) => (sweep.best ? <><span class="soft small">{sweep.objective.metric}</span> <b class="number">{number(sweep.best.value)}</b></> : "–") },
                  { head: t("word.created"), end: true, cell: (sweep) => ago(sweep.created_at) },
                ]}
              />
            )
          }
        </Loaded>
      </Card>
    </>
  );
}
