import { Download, Trash2 } from "lucide";
import { useState } from "preact/hooks";
import { deleteDataset, readDataset } from "../../api/datasets";
import { useResource } from "../../api/resource";
import type { Dataset } from "../../api/types";
import { bytes, count, time } from "../../format";
import { t } from "../../i18n";
import type { PageProps } from "../../pages";
import { go, to } from "../../router";
import { Button, LinkButton } from "../../ui/Button";
import { Card, Facts, PageHead } from "../../ui/Card";
import { ConfirmDelete } from "../../ui/Confirm";
import { Loaded } from "../../ui/State";
import { Tabs } from "../../ui/Tabs";
import { Columns } from "./Columns";
import { Preview } from "./Preview";
import "./datasets.css";

function Head({ dataset, onDelete }: { dataset: Dataset; onDelete: () => void }) {
  return (
    <PageHead
      title={dataset.name}
      about={dataset.format.arrays ? t("datasets.arrays") : dataset.format.header_why}
      actions={
        <>
          <LinkButton look="primary" href={to("/new", { dataset: dataset.id })}>{t("datasets.train")}</LinkButton>
          <LinkButton icon={Download} href={`/v1/datasets/${dataset.id}/content`} download={dataset.name} label={t("datasets.download")} />
          <Button look="danger" icon={Trash2} label={t("shell.delete")} onClick={onDelete} />
        </>
      }
    />
  );
}

function facts(dataset: Dataset) {
  return (
    <Facts
      of={[
        [t("word.rows"), count(dataset.n_rows)],
        [t("word.columns"), count(dataset.n_columns)],
        [t("word.size"), bytes(dataset.size_bytes)],
        [t("word.created"), time(dataset.created_at)],
        ["SHA-256", <code key="sha" title={dataset.sha256}>{dataset.sha256.slice(0, 12)}</code>],
      ]}
    />
  );
}

export default function DatasetPage({ params, query }: PageProps) {
  const id = params.id as string;
  const tagged = useResource(`dataset ${id}`, (signal) => readDataset(id, signal));
  const [deleting, setDeleting] = useState(false);
  const rows = query.get("tab") === "rows";
  return (
    <Loaded from={tagged} lines={8}>
      {(shown) => (
        <>
          <Head dataset={shown.dataset} onDelete={() => setDeleting(true)} />
          <div class="stack">
            <Card>{facts(shown.dataset)}</Card>
            <div>
              <Tabs
                label={shown.dataset.name}
                tabs={[
                  { href: to(`/datasets/${id}`), text: t("word.columns"), current: !rows },
                  { href: to(`/datasets/${id}`, { tab: "rows" }), text: t("datasets.rows"), current: rows },
                ]}
              />
              {rows ? <Preview id={id} /> : <Columns of={shown} onChanged={tagged.set} />}
            </div>
          </div>
          {deleting && (
            <ConfirmDelete title={t("datasets.delete_title", shown.dataset.name)} action={() => deleteDataset(id)} onClose={() => setDeleting(false)} onDone={() => go("/datasets")}>
              {t("datasets.delete_body")}
            </ConfirmDelete>
          )}
        </>
      )}
    </Loaded>
  );
}
