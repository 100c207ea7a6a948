import { useMemo, useState } from "preact/hooks";
import type { Landscape, Run, Surface } from "../../api/types";
import { count, percent } from "../../format";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Chart } from "../../ui/Chart";
import { SelectField } from "../../ui/Field";
import { Notice } from "../../ui/State";
import { Ask } from "./Ask";
import { BallFacts } from "./BallFacts";
import { Ground, useRolling } from "./Ground";
import { useLandscape } from "./landscape";
import type { Path } from "./path";
import { PathTable } from "./PathTable";
import { Waiting } from "./Waiting";

const KINDS = ["plane", "random"] as const;

/** The loss over a plane through the weights of one run, and the ball on its path. */
export function OneSurface({ run }: { run: Run }) {
  const asking = useLandscape(run.id, KINDS);
  const [kind, setKind] = useState<(typeof KINDS)[number]>("plane");
  const form = (
    <Ask busy={asking.busy} onAsk={(fineness) => asking.ask({ kind, ...fineness })}>
      <SelectField label={t("descent.kind")} hint={t(`descent.kind_hint.${kind}`)} value={kind} options={KINDS.map((each) => [each, t(`descent.kind.${each}`)] as const)} onChange={setKind} />
    </Ask>
  );
  const ready = asking.landscape?.status === "ready";
  return (
    <div class={ready ? "stack" : "descent"}>
      {!ready && <div class="descent-side">{form}</div>}
      <div class="stack">
        <Waiting asking={asking} none={t("descent.none_surface")}>
          {(landscape) => <Shown key={landscape.id} landscape={landscape} form={form} />}
        </Waiting>
      </div>
    </div>
  );
}

function Shown({ landscape, form }: { landscape: Landscape & { surface: Surface }; form: preact.JSX.Element }) {
  const rolling = useRolling(landscape);
  const [ball] = rolling.balls;
  return (
    <>
      <div class="descent">
        <div class="descent-side">
          {ball && <Card title={t("descent.here")}><BallFacts ball={ball} /></Card>}
          {form}
        </div>
        <div class="stack">
          <Card>
            {landscape.surface.loss.flat().some((loss) => loss !== null) ? <Ground rolling={rolling} /> : <Notice look="warn">{t("descent.not_finite")}</Notice>}
            <p class="soft small">
              {landscape.explained && `${t("descent.explained", percent(landscape.explained[0] ?? 0), percent(landscape.explained[1] ?? 0))} `}
              {landscape.n_samples != null && t("descent.rows_used", count(landscape.n_samples))}
            </p>
          </Card>
          {rolling.paths[0] && <LossAlong path={rolling.paths[0]} at={rolling.at[0] ?? 0} />}
        </div>
      </div>
      {rolling.paths[0] && <PathTable path={rolling.paths[0]} />}
    </>
  );
}

/** The loss at each recorded point, with a mark where the ball is. */
function LossAlong({ path, at }: { path: Path; at: number }) {
  const x = useMemo(() => path.points.map((point) => point.step), [path]);
  const batch = useMemo(() => path.points.map((point) => point.loss ?? null), [path]);
  const rows = useMemo(() => path.points.map((point) => point.sample_loss ?? null), [path]);
  const lines = useMemo(
    () => [
      { label: t("descent.loss_batch"), colour: 8, values: batch },
      { label: t("descent.loss_here"), colour: 1, values: rows },
      { label: t("descent.here_mark"), colour: 2, values: batch.map((value, idx) => (idx === at ? value : null)), dots: true },
    ],
    [batch, rows, at],
  );
  return (
    <Card title={t("descent.loss_along")}>
      <Chart label={t("descent.loss_along")} x={x} lines={lines} height={200} xLabel={t("word.step")} />
    </Card>
  );
}
