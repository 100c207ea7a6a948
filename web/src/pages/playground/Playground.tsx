import { ChartSpline, Play, TrendingDown } from "lucide";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import { count, number, percent } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Button, LinkButton } from "../../ui/Button";
import { Card, PageHead } from "../../ui/Card";
import { Chart } from "../../ui/Chart";
import { Check } from "../../ui/Field";
import { type Playhead, usePlayhead } from "../../ui/motion";
import { Player } from "../../ui/Player";
import { ProblemNotice } from "../../ui/State";
import { DataControls, Rate, TrainingControls, type Try } from "./Controls";
import { activations, evaluable, grid, second } from "./forward";
import { lossLines } from "./losses";
import { Map, Points } from "./Maps";
import { Network } from "./Network";
import { extent, make, type Point } from "./toysets";
import { type Choice, type Recorded, type Training, useTraining } from "./training";
import { verdict } from "./verdict";
import "./playground.css";

/** Places along each side of the plane at which the network is evaluated. */
const SIDE = 48;
/** Recorded points shown in a second; a whole path has at most 256. */
const RATE = 40;

const FIRST: Choice = {
  set: { name: "moons", points: 300, noise: 0.14, seed: 1 },
  layers: [6, 4],
  activation: "tanh",
  optimizer: "sgd",
  learningRate: 0.1,
  batchSize: 32,
  epochs: 200,
  seed: 1,
};

/** One number of each place: unit `unit` of `n`. */
function unitOf(values: Float64Array, unit: number, n: number): Float64Array {
  return Float64Array.from({ length: values.length / n }, (_, row) => values[row * n + unit] as number);
}

/** The plane as the network sees it with the weights of one recorded point. */
function seen(path: Recorded["path"], weights: number[] | undefined, places: Float64Array, data: Point[]) {
  const layers = path?.layers;
  if (!path || !weights || !layers || !evaluable(layers)) return null;
  const all = activations(path.inputs, layers, weights, places);
  const last = layers.at(-1)?.n_outputs ?? 1;
  const probability = second(all.at(-1) as Float64Array, last);
  // From -1 (surely blue) to 1 (surely orange).
  const boundary = probability.map((p) => 2 * p - 1);
  const units = all.map((values, idx) => Array.from({ length: layers[idx]?.n_outputs ?? 1 }, (_, unit) => unitOf(values, unit, layers[idx]?.n_outputs ?? 1)));
  units[units.length - 1] = [boundary];
  const outputs = second(activations(path.inputs, layers, weights, data.flatMap((p) => [p.x, p.y])).at(-1) as Float64Array, last);
  const right = data.filter((point, idx) => ((outputs[idx] as number) > 0.5 ? 1 : 0) === point.label).length / data.length;
  return { weights, layers, units, boundary, right };
}

/** Starts again a moment after a change, once the reader has pressed Train. */
function useRetraining(training: Training, choice: Choice, onStart: () => void) {
  const pressed = useRef(false);
  const started = useRef<Choice | null>(null);
  const begin = useRef(() => {});
  begin.current = () => {
    pressed.current = true;
    started.current = choice;
    training.start(choice, onStart);
  };
  useEffect(() => {
    if (!pressed.current || started.current === choice) return;
    const timer = setTimeout(() => begin.current(), 450);
    return () => clearTimeout(timer);
  }, [choice]);
  return () => begin.current();
}

/** Everything but the learning rate: another set or network makes the rates tried so far say nothing. */
function setting(choice: Choice): string {
  return JSON.stringify({ ...choice, learningRate: null });
}

export default function Playground() {
  const [choice, setChoice] = useState(FIRST);
  const [keep, setKeep] = useState(false);
  const [tried, setTried] = useState<{ for: string; all: Try[] }>({ for: setting(FIRST), all: [] });
  const training = useTraining(keep);
  const { run, trained, points, train, codes, busy, problem } = training;
  const head = usePlayhead(points.length, RATE, busy);
  const begin = useRetraining(training, choice, head.restart);
  const change = (part: Partial<Choice>) => setChoice({ ...choice, ...part });

  const data = useMemo(() => make(choice.set), [choice.set]);
  const [low, high] = useMemo(() => extent(data), [data]);
  const places = useMemo(() => grid(SIDE, low, high), [low, high]);
  const inputs = useMemo(() => [unitOf(places, 0, 2), unitOf(places, 1, 2)].map((v) => v.map((n) => n - (low + high) / 2)), [places, low, high]);
  const view = useMemo(() => seen(training.path, points[head.at]?.weights, places, data), [training.path, points, head.at, places, data]);
  // The maps belong to the network that was trained; while another one is being set up, its units are empty.
  const same = view !== null && view.layers.length === choice.layers.length + 1 && choice.layers.every((n, idx) => view.layers[idx]?.n_outputs === n);
  // While another training begins, the one before is still to be seen, and says nothing any more.
  const said = run && !(busy && run.terminal) ? verdict({ start: points[0]?.loss ?? Math.LN2, losses: train.values, codes, status: run.status }) : null;

  useEffect(() => {
    if (!run?.terminal || !said || !trained) return;
    const key = setting(trained);
    const rate = trained.learningRate;
    setTried((before) => ({ for: key, all: [...(before.for === key ? before.all : []).filter((each) => each.learningRate !== rate), { learningRate: rate, verdict: said }] }));
    // Once for each run that ended.
    // eslint-disable-next-line react-hooks/exhaustive-deps
  }, [run?.id, run?.terminal, said]);

  return (
    <>
      <PageHead title={t("playground.title")} about={t("playground.about")} />
      <div class="stack">
        <Card>
          <div class="play-top">
            <Button look="primary" icon={Play} busy={busy} onClick={begin}>{t("playground.train")}</Button>
            <Rate choice={choice} onChange={change} tried={tried.for === setting(choice) ? tried.all : []} />
            <div class="play-said" aria-live="polite">
              {said ? <><strong class={`verdict ${said}`}>{t(`playground.verdict.${said}`)}</strong><p class="small soft">{t(`playground.says.${said}`)}</p></> : <p class="small soft">{t(busy ? "playground.running" : "playground.waiting")}</p>}
            </div>
          </div>
          {problem && <ProblemNotice problem={problem} />}
        </Card>
        <div class="play">
          <Card title={t("playground.data")}><DataControls choice={choice} onChange={change} /></Card>
          <Card title={t("playground.network")}>
            <div class="stack">
              <TrainingControls choice={choice} onChange={change} />
              <Network units={choice.layers} onUnits={(layers) => change({ layers })} side={SIDE} inputs={inputs} maps={same ? view.units : null} layers={same ? view.layers : null} weights={same ? view.weights : null} />
            </div>
          </Card>
          <Card title={t("playground.boundary")}>
            <div class="boundary">
              <Map label={view ? t("playground.boundary_label", count(points[head.at]?.step ?? 0), percent(view.right)) : t("playground.boundary")} values={view?.boundary ?? null} side={SIDE} full={1.6} />
              <Points points={data} low={low} high={high} size={300} />
            </div>
            <Scrub head={head} recorded={training} right={view?.right ?? null} />
          </Card>
        </div>
        {points.length > 0 && <Losses recorded={training} at={head.at} />}
        <div class="row apart">
          <Check label={t("playground.keep")} checked={keep} onChange={setKeep} />
          {run?.terminal && (
            <div class="row">
              <LinkButton icon={ChartSpline} href={to(`/runs/${run.id}`)}>{t("playground.open_run")}</LinkButton>
              <LinkButton icon={TrendingDown} href={to(`/descent/${run.id}`)}>{t("playground.open_descent")}</LinkButton>
            </div>
          )}
        </div>
      </div>
    </>
  );
}

/** Moves through the recorded steps. */
function Scrub({ head, recorded, right }: { head: Playhead; recorded: Recorded; right: number | null }) {
  const point = recorded.points[head.at];
  const place = point ? t("playground.at", count(point.step), count(point.epoch)) : undefined;
  return (
    <Player head={head} count={recorded.points.length} label={t("playground.recorded")} text={place}>
      <span class="soft">{place ?? "–"}</span>
      {point && <span><span class="soft">{t("playground.loss")}</span> {number(point.loss)}</span>}
      {right !== null && <span><span class="soft">{t("playground.right")}</span> {percent(right)}</span>}
    </Player>
  );
}

function Losses({ recorded, at }: { recorded: Recorded; at: number }) {
  const { points, train, validation } = recorded;
  const { x, trained, validated, here } = useMemo(() => lossLines(train, validation, points[at]?.step ?? 0), [train, validation, points, at]);
  const lines = useMemo(
    () => [
      { label: t("playground.loss_train"), colour: 1, values: trained },
      { label: t("playground.loss_validation"), colour: 3, values: validated },
      { label: t("playground.loss_here"), colour: 2, values: here, dots: true },
    ],
    [trained, validated, here],
  );
  return (
    <Card title={t("playground.loss")}>
      <Chart label={t("playground.loss")} x={x} lines={lines} height={220} xLabel={t("word.step")} />
    </Card>
  );
}
