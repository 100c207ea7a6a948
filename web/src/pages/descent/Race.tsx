import { useState } from "preact/hooks";
import type { Landscape, Run, Surface } from "../../api/types";
import { number } from "../../format";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Skeleton } from "../../ui/State";
import { Ask } from "./Ask";
import { BallFacts } from "./BallFacts";
import { BALLS } from "./Contour";
import { Ground, useRolling } from "./Ground";
import { useLandscape } from "./landscape";
import { named, OtherRun, useOthers } from "./OtherRun";
import { PathTable } from "./PathTable";
import { Profile } from "./Profile";
import { Waiting } from "./Waiting";

/** Two runs on one surface. */
export function Race({ run, first }: { run: Run; first: string | null }) {
  const others = useOthers(run);
  const asking = useLandscape(run.id, ["shared"]);
  const [chosen, setChosen] = useState(first);
  if (!others) return <Card><Skeleton lines={6} /></Card>;
  const other = chosen ?? asking.landscape?.request.other ?? others[0]?.id ?? "";
  const names = new Map([run, ...others].map((each) => [each.id, each.name === run.name && each.id !== run.id ? named(each) : each.name]));
  const form = (
    <Ask busy={asking.busy} disabled={other === ""} onAsk={(fineness) => asking.ask({ kind: "shared", other, ...fineness })}>
      <OtherRun others={others} value={other} onChange={setChosen} />
    </Ask>
  );
  const ready = asking.landscape?.status === "ready";
  return (
    <div class={ready ? "stack" : "descent"}>
      {!ready && <div class="descent-side">{form}</div>}
      <div class="stack">
        <Waiting asking={asking} none={t("descent.none_race")}>
          {(landscape) => <Shown key={landscape.id} landscape={landscape} nameOf={(id) => names.get(id) ?? id.slice(0, 13)} form={form} />}
        </Waiting>
      </div>
    </div>
  );
}

/** Which of the two ended lower, and what stands between them. */
export function Verdict({ landscape, nameOf }: { landscape: Landscape; nameOf: (id: string) => string }) {
  const { minima, barrier } = landscape;
  const [a, b] = minima ?? [];
  if (!a || !b || !barrier) return null;
  const lower = [a, b].find((each) => each.run_id === barrier.lower_run_id);
  const higher = lower === a ? b : a;
  return (
    <div class="race-verdict" aria-live="polite">
      <p><strong>{lower ? t("descent.lower", nameOf(lower.run_id), number(lower.loss), number(higher.loss)) : t("descent.same_loss", number(a.loss))}</strong></p>
      {barrier.height != null && <p>{barrier.height > 0 ? t("descent.wall", number(barrier.height)) : t("descent.no_wall")}</p>}
    </div>
  );
}

function Shown({ landscape, nameOf, form }: { landscape: Landscape & { surface: Surface }; nameOf: (id: string) => string; form: preact.JSX.Element }) {
  const rolling = useRolling(landscape);
  return (
    <>
      <div class="descent">
        <div class="descent-side">
          {rolling.balls.map((ball, idx) => (
            <Card key={ball.path.run_id} title={<span class="ball-name"><i style={{ background: BALLS[idx] }} />{nameOf(ball.path.run_id)}</span>}>
              <BallFacts ball={ball} />
            </Card>
          ))}
          {form}
        </div>
        <div class="stack">
          <Card>
            <Verdict landscape={landscape} nameOf={nameOf} />
            <Ground rolling={rolling} />
          </Card>
          {landscape.barrier && <Card title={t("descent.barrier")}><Profile profile={landscape.barrier.profile} /></Card>}
        </div>
      </div>
      {rolling.paths.map((path) => <PathTable key={path.run_id} path={path} name={nameOf(path.run_id)} />)}
    </>
  );
}
