import { useResource } from "../../api/resource";
import { listCheckpoints } from "../../api/runs";
import type { Checkpoint } from "../../api/types";
import { ago, bytes, count, time } from "../../format";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { Table, type TableColumn } from "../../ui/Table";
import { useEvents } from "./useRun";

function columns(): TableColumn<Checkpoint>[] {
  return [
    { head: t("word.step"), cell: (one) => <span class="number">{count(one.step)} {one.best && <span class="badge good">{t("run.best")}</span>}</span> },
    { head: t("word.epoch"), end: true, cell: (one) => count(one.epoch) },
    { head: t("word.size"), end: true, cell: (one) => bytes(one.size_bytes) },
    { head: "SHA-256", cell: (one) => <code title={one.sha256}>{one.sha256.slice(0, 12)}</code> },
    { head: t("word.created"), end: true, cell: (one) => <time dateTime={one.created_at} title={time(one.created_at)}>{ago(one.created_at)}</time> },
  ];
}

/** Saved states, newest first; a killed server goes on from the newest. */
export function Checkpoints({ id }: { id: string }) {
  const checkpoints = useResource(`checkpoints ${id}`, (signal) => listCheckpoints(id, signal));
  useEvents(id, ["checkpoint", "done"], checkpoints.reload);
  return (
    <Card flush>
      <Loaded from={checkpoints} lines={4}>
        {({ data }) => (data.length === 0 ? <Empty title={t("run.no_checkpoints")} /> : <Table label={t("run.checkpoints")} rows={data} id={(one) => one.sha256} columns={columns()} />)}
      </Loaded>
    </Card>
  );
}
