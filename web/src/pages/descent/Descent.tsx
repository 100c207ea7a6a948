import { readRun } from "../../api/runs";
import { useResource } from "../../api/resource";
import { t } from "../../i18n";
import type { PageProps } from "../../pages";
import { to } from "../../router";
import { LinkButton } from "../../ui/Button";
import { PageHead } from "../../ui/Card";
import { Loaded } from "../../ui/State";
import { Tabs } from "../../ui/Tabs";
import { Race } from "./Race";
import { Slices } from "./Slices";
import { OneSurface } from "./OneSurface";
import "./descent.css";

const VIEWS = ["surface", "race", "slices"] as const;

export default function Descent({ params, query }: PageProps) {
  const id = params.id as string;
  const view = VIEWS.find((each) => each === query.get("view")) ?? "surface";
  const run = useResource(`descent ${id}`, (signal) => readRun(id, signal));
  return (
    <Loaded from={run} lines={8}>
      {(loaded) => (
        <>
          <PageHead title={t("descent.of", loaded.name)} about={t("descent.about")} actions={<LinkButton href={to(`/runs/${id}`)}>{t("descent.to_run")}</LinkButton>} />
          <Tabs label={t("descent.views")} tabs={VIEWS.map((each) => ({ href: to(`/descent/${id}`, { view: each === "surface" ? undefined : each, other: query.get("other") ?? undefined }), text: t(`descent.view.${each}`), current: each === view }))} />
          {view === "surface" && <OneSurface run={loaded} />}
          {view === "race" && <Race run={loaded} first={query.get("other")} />}
          {view === "slices" && <Slices run={loaded} first={query.get("other")} />}
        </>
      )}
    </Loaded>
  );
}
