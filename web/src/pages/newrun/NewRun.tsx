import { every } from "../../api/client";
import { listDatasets } from "../../api/datasets";
import { useResource } from "../../api/resource";
import { readRun } from "../../api/runs";
import type { Dataset, Json } from "../../api/types";
import { t } from "../../i18n";
import { useDictionary } from "../../i18n/served";
import type { PageProps } from "../../pages";
import { to } from "../../router";
import { LinkButton } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { NewRunForm } from "./Form";
import { begin } from "./spec";
import "./newrun.css";

interface Beginning {
  datasets: Dataset[];
  first: Json | undefined;
}

/** The datasets, and the document to begin with: that of another run, or a fresh one for a dataset. */
async function prepare(from: string | null, wanted: string | null, signal: AbortSignal): Promise<Beginning> {
  const datasets = await every((after) => listDatasets({ limit: 100, after }, signal));
  if (from) return { datasets, first: (await readRun(from, signal)).spec };
  const dataset = datasets.find((one) => one.id === wanted) ?? datasets[0];
  return { datasets, first: dataset && begin(dataset) };
}

export default function NewRun({ query }: PageProps) {
  useDictionary();
  const from = query.get("from");
  const wanted = query.get("dataset");
  const beginning = useResource(`new ${from} ${wanted}`, (signal) => prepare(from, wanted, signal));
  return (
    <>
      <PageHead title={t("nav.new_run")} about={t("newrun.about")} />
      <Loaded from={beginning} lines={12}>
        {({ datasets, first }) =>
          first ? (
            <NewRunForm key={`${from} ${wanted}`} first={first} datasets={datasets} />
          ) : (
            <Card><Empty title={t("datasets.none")} actions={<LinkButton look="primary" href={to("/datasets")}>{t("home.first_dataset")}</LinkButton>}>{t("newrun.needs_data")}</Empty></Card>
          )
        }
      </Loaded>
    </>
  );
}
