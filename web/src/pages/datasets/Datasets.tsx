import { Database } from "lucide";
import { listDatasets } from "../../api/datasets";
import { useResource } from "../../api/resource";
import type { Dataset } from "../../api/types";
import { ago, bytes, count, time } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Button } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { FileDrop } from "../../ui/FileDrop";
import { Empty, Loaded } from "../../ui/State";
import { Table, type TableColumn } from "../../ui/Table";
import { attempt } from "../../ui/Toast";
import { UploadList } from "./UploadList";
import { begin, uploaded } from "./uploads";
import "./datasets.css";

function columns(): TableColumn<Dataset>[] {
  return [
    { head: t("word.name"), cell: (one) => <a href={to(`/datasets/${one.id}`)}>{one.name}</a> },
    { head: t("word.rows"), end: true, cell: (one) => count(one.n_rows) },
    { head: t("word.columns"), end: true, cell: (one) => count(one.n_columns) },
    { head: t("word.size"), end: true, cell: (one) => bytes(one.size_bytes) },
    { head: t("word.created"), end: true, cell: (one) => <time dateTime={one.created_at} title={time(one.created_at)}>{ago(one.created_at)}</time> },
  ];
}

export default function Datasets() {
  const datasets = useResource(`datasets ${uploaded.value}`, (signal) => listDatasets({ limit: 50 }, signal));
  const more = () => attempt(async () => {
    const next = await listDatasets({ limit: 50, after: datasets.data?.last_id ?? undefined });
    datasets.set({ ...next, data: [...(datasets.data?.data ?? []), ...next.data] });
  });
  return (
    <>
      <PageHead title={t("nav.datasets")} about={t("datasets.about")} />
      <div class="stack">
        <FileDrop title={t("datasets.drop")} multiple onFiles={begin}>{t("datasets.drop_hint")}</FileDrop>
        <UploadList />
        <Card flush>
          <Loaded from={datasets} lines={6}>
            {(page) =>
              page.data.length === 0 ? (
                <Empty icon={Database} title={t("datasets.none")}>{t("datasets.none_body")}</Empty>
              ) : (
                <Table label={t("nav.datasets")} rows={page.data} id={(one) => one.id} columns={columns()} />
              )
            }
          </Loaded>
        </Card>
        {datasets.data?.has_more && <div><Button onClick={() => void more()}>{t("shell.more")}</Button></div>}
      </div>
    </>
  );
}
