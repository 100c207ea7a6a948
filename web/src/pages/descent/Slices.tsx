import { useMemo, useState } from "preact/hooks";
import type { Run, Surface } from "../../api/types";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Chart } from "../../ui/Chart";
import { Skeleton } from "../../ui/State";
import { Choice } from "../../ui/Tabs";
import { Ask } from "./Ask";
import { useLandscape } from "./landscape";
import { named, OtherRun, useOthers } from "./OtherRun";
import { Profile } from "./Profile";
import { Verdict } from "./Race";
import { Waiting } from "./Waiting";

const KINDS = ["gradient", "between"] as const;

/** The loss along one line. */
export function Slices({ run, first }: { run: Run; first: string | null }) {
  const others = useOthers(run);
  const [kind, setKind] = useState<(typeof KINDS)[number]>("gradient");
  const gradient = useLandscape(run.id, ["gradient"]);
  const between = useLandscape(run.id, ["between"]);
  const [chosen, setChosen] = useState(first);
  if (!others) return <Card><Skeleton lines={6} /></Card>;
  const other = chosen ?? between.landscape?.request.other ?? others[0]?.id ?? "";
  const names = new Map([run, ...others].map((each) => [each.id, each.name === run.name && each.id !== run.id ? named(each) : each.name]));
  const asking = kind === "gradient" ? gradient : between;
  return (
    <div class="descent">
      <div class="descent-side">
        <Ask busy={asking.busy} disabled={kind === "between" && other === ""} onAsk={(fineness) => asking.ask(kind === "gradient" ? { kind, ...fineness } : { kind, other, ...fineness })}>
          <Choice label={t("descent.slice")} value={kind} options={KINDS.map((each) => [each, t(`descent.slice.${each}`)] as const)} onChange={setKind} />
          {kind === "between" && <OtherRun others={others} value={other} onChange={setChosen} />}
        </Ask>
      </div>
      <div class="stack">
        <Waiting asking={asking} none={t("descent.none_slices")}>
          {(landscape) =>
            kind === "gradient" ? (
              <Card title={t("descent.slice.gradient")}>
                <Slope surface={landscape.surface} />
                <p class="soft small">{t("descent.gradient_here")}</p>
              </Card>
            ) : (
              <Card title={t("descent.slice.between")}>
                <Verdict landscape={landscape} nameOf={(id) => names.get(id) ?? id.slice(0, 13)} />
                {landscape.barrier && <Profile profile={landscape.barrier.profile} />}
              </Card>
            )
          }
        </Waiting>
      </div>
    </div>
  );
}

function Slope({ surface }: { surface: Surface }) {
  const lines = useMemo(() => [{ label: t("descent.loss"), colour: 1, values: surface.loss[0] ?? [] }], [surface]);
  return <Chart label={t("descent.slice.gradient")} x={surface.x} lines={lines} height={300} xLabel={t("descent.distance")} />;
}
