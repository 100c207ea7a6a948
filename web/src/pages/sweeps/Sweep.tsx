import { ChartSpline, CirclePlus, OctagonX, Trash2 } from "lucide";
import { useMemo, useState } from "preact/hooks";
import { deleteSweep, enlargeSweep, stopSweep } from "../../api/sweeps";
import type { Json, JsonValue, Sweep as SweepType, SweepResult } from "../../api/types";
import { count, number, percent } from "../../format";
import { t } from "../../i18n";
import type { PageProps } from "../../pages";
import { go, to } from "../../router";
import { Bars } from "../../ui/Bars";
import { Button, LinkButton } from "../../ui/Button";
import { Card, Facts, PageHead } from "../../ui/Card";
import { Dialog } from "../../ui/Dialog";
import { Check, TextField } from "../../ui/Field";
import { Parallel, type ParallelRow } from "../../ui/Parallel";
import type { Cell } from "../../ui/parallelaxes";
import { Notice, ProblemNotice, Skeleton } from "../../ui/State";
import { attempt } from "../../ui/Toast";
import { useSweep } from "./live";
import { merits } from "./merits";
import { Results } from "./Results";
import { isLog, short } from "./settings";
import { SweepBadge, SweepProgress } from "./SweepBadge";
import { strategyName } from "./Sweeps";
import { written } from "./written";
import "./sweeps.css";

type Asked = "stop" | "enlarge" | "delete" | null;

export default function Sweep({ params }: PageProps) {
  const { sweep, results, problem, again } = useSweep(params.id as string);
  const [asked, setAsked] = useState<Asked>(null);
  if (!sweep) return problem ? <ProblemNotice problem={problem} retry={again} /> : <Skeleton lines={8} />;
  const close = (changed: boolean) => {
    setAsked(null);
    if (changed) again();
  };
  return (
    <>
      <PageHead
        title={sweep.name}
        about={<a href={to("/sweeps")}>{t("sweeps.title")}</a>}
        actions={
          <>
            {!sweep.terminal && sweep.status === "running" && <Button icon={OctagonX} onClick={() => setAsked("stop")}>{t("sweeps.stop")}</Button>}
            {(sweep.status === "running" || sweep.status === "completed") && sweep.strategy.kind !== "grid" && <Button icon={CirclePlus} onClick={() => setAsked("enlarge")}>{t("sweeps.enlarge")}</Button>}
            {sweep.terminal && <Button look="danger" icon={Trash2} onClick={() => setAsked("delete")}>{t("shell.delete")}</Button>}
          </>
        }
      />
      <div class="stack">
        {problem && <ProblemNotice problem={problem} retry={again} />}
        <Card>
          <div class="sweep-head">
            <SweepBadge status={sweep.status} />
            <SweepProgress of={sweep} />
            <Facts of={[[t("sweeps.strategy"), strategyName(sweep.strategy.kind)], [t("sweeps.objective"), `${sweep.objective.metric} ${sweep.objective.direction === "minimize" ? "↓" : "↑"}`]]} />
          </div>
          {sweep.status_reason && sweep.status !== "completed" && <Notice>{sweep.status_reason.message}</Notice>}
        </Card>
        <div class="sweep-top">
          <Best sweep={sweep} />
          <Card title={t("sweeps.importance")}>
            {sweep.importance.length > 0 ? (
              <Bars label={t("sweeps.importance")} rows={sweep.importance.map((each, idx) => ({ name: short(each.parameter), value: each.importance, text: percent(each.importance), strong: idx === 0 }))} top={1} note={t("sweeps.importance_note")} />
            ) : (
              <p class="soft small">{t("sweeps.importance_none")}</p>
            )}
          </Card>
        </div>
        <Trials sweep={sweep} results={results} />
      </div>
      {asked === "stop" && <Stop sweep={sweep} onClose={close} />}
      {asked === "enlarge" && <Enlarge sweep={sweep} onClose={close} />}
      {asked === "delete" && <Delete sweep={sweep} onClose={close} />}
    </>
  );
}

function Best({ sweep }: { sweep: SweepType }) {
  const { best, objective } = sweep;
  return (
    <Card title={t("sweeps.best")} actions={best?.run_id && <LinkButton icon={ChartSpline} href={to(`/runs/${best.run_id}`)}>{t("sweeps.open_best")}</LinkButton>}>
      {best ? (
        <div class="stack">
          <p><span class="soft">{objective.metric}</span> <strong class="sweep-best number">{number(best.value)}</strong></p>
          <Facts of={Object.entries(best.parameters as Json).map(([pointer, value]): [string, string] => [short(pointer), written(value)])} />
        </div>
      ) : (
        <p class="soft small">{t("sweeps.best_none")}</p>
      )}
    </Card>
  );
}

function cell(value: JsonValue | undefined): Cell {
  return value === undefined ? null : value !== null && typeof value === "object" ? JSON.stringify(value) : value;
}

/** Every trial as a line and as a row; a part of an axis that is marked keeps the rows that cross it. */
function Trials({ sweep, results }: { sweep: SweepType; results: SweepResult[] }) {
  const [marked, setMarked] = useState<Set<string> | null>(null);
  const pointers = useMemo(() => [...new Set(results.flatMap((each) => Object.keys(each.parameters as Json)))], [results]);
  const { metric, direction } = sweep.objective;
  const axes = useMemo(() => [...pointers.map((pointer) => ({ key: pointer, label: short(pointer), log: isLog(sweep.space[pointer]) })), { key: metric, label: metric }], [pointers, sweep.space, metric]);
  const merit = useMemo(() => merits(results, direction), [results, direction]);
  const rows = useMemo(
    () =>
      results
        .filter((each) => each.value != null)
        .map((each): ParallelRow => {
          const parameters = each.parameters as Json;
          const values = Object.fromEntries(pointers.map((pointer) => [pointer, cell(parameters[pointer])]));
          const label = `${count(each.number)}: ${metric} ${number(each.value)}, ${pointers.map((pointer) => `${short(pointer)} ${written(parameters[pointer])}`).join(", ")}`;
          return { id: String(each.number), label, href: each.run_id ? to(`/runs/${each.run_id}`) : undefined, values: { ...values, [metric]: each.value ?? null }, merit: merit.get(each.number) ?? null };
        }),
    [results, pointers, metric, merit],
  );
  return (
    <>
      {rows.length > 1 && pointers.length > 0 && (
        <Card title={t("sweeps.parallel")}>
          <Parallel label={t("sweeps.parallel")} axes={axes} rows={rows} onMarked={setMarked} />
        </Card>
      )}
      <Card title={t("sweeps.results")} flush>
        {results.length === 0 ? <div class="pad"><Skeleton lines={3} /></div> : <Results sweep={sweep} results={marked ? results.filter((each) => marked.has(String(each.number))) : results} pointers={pointers} />}
      </Card>
    </>
  );
}

function Stop({ sweep, onClose }: { sweep: SweepType; onClose: (changed: boolean) => void }) {
  const [cancel, setCancel] = useState(false);
  return (
    <Dialog
      title={t("sweeps.stop_title")}
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>{t("shell.close")}</Button>
          <Button look="danger" onClick={() => void attempt(() => stopSweep(sweep.id, cancel)).then(onClose)}>{t("sweeps.stop")}</Button>
        </>
      }
    >
      <div class="stack">
        <p>{t("sweeps.stop_body")}</p>
        <Check label={t("sweeps.stop_cancel")} checked={cancel} onChange={setCancel} />
      </div>
    </Dialog>
  );
}

function Enlarge({ sweep, onClose }: { sweep: SweepType; onClose: (changed: boolean) => void }) {
  const [runs, setRuns] = useState(String(Math.min(1000, sweep.budget.runs * 2)));
  return (
    <Dialog
      title={t("sweeps.enlarge_title")}
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>{t("shell.cancel")}</Button>
          <Button look="primary" disabled={!(Number(runs) > sweep.budget.runs)} onClick={() => void attempt(() => enlargeSweep(sweep.id, Number(runs))).then(onClose)}>{t("sweeps.enlarge")}</Button>
        </>
      }
    >
      <TextField label={t("sweeps.runs")} hint={t("sweeps.enlarge_hint")} value={runs} onInput={setRuns} />
    </Dialog>
  );
}

function Delete({ sweep, onClose }: { sweep: SweepType; onClose: (changed: boolean) => void }) {
  const [runs, setRuns] = useState(false);
  const remove = async () => {
    if (await attempt(() => deleteSweep(sweep.id, runs))) go("/sweeps");
    else onClose(false);
  };
  return (
    <Dialog
      title={t("sweeps.delete_title")}
      onClose={() => onClose(false)}
      actions={
        <>
          <Button onClick={() => onClose(false)}>{t("shell.cancel")}</Button>
          <Button look="danger" onClick={() => void remove()}>{t("shell.delete")}</Button>
        </>
      }
    >
      <Check label={t("sweeps.delete_runs")} checked={runs} onChange={setRuns} />
    </Dialog>
  );
}
