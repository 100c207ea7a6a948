import { Dices } from "lucide";
import { number } from "../../format";
import { type PlainKey, t } from "../../i18n";
import { Button } from "../../ui/Button";
import { Field, SelectField } from "../../ui/Field";
import { Points } from "./Maps";
import { extent, make, NOISE, SETS, type ToySet } from "./toysets";
import { ACTIVATIONS, type Choice, OPTIMIZERS } from "./training";
import type { Verdict } from "./verdict";

interface ChangeProps {
  choice: Choice;
  onChange: (change: Partial<Choice>) => void;
}

/** Each set as it looks, with little noise: the same for everyone. */
const THUMBNAILS = SETS.map((name) => {
  const points = make({ name, points: 120, noise: 0.6 * NOISE[name], seed: 1 });
  const [low, high] = extent(points);
  return { name, points, low, high };
});

export function DataControls({ choice, onChange }: ChangeProps) {
  const { set } = choice;
  const change = (part: Partial<ToySet>) => onChange({ set: { ...set, ...part } });
  return (
    <div class="stack">
      <div class="sets" role="group" aria-label={t("playground.data")}>
        {THUMBNAILS.map(({ name, points, low, high }) => (
          <button key={name} type="button" aria-pressed={set.name === name} onClick={() => change({ name, noise: NOISE[name] })}>
            <Points points={points} low={low} high={high} size={52} />
            {t(`playground.set.${name}` as PlainKey)}
          </button>
        ))}
      </div>
      <Field label={<>{t("playground.points")} <span class="soft number">{set.points}</span></>}>
        {(wiring) => <input {...wiring} type="range" min={100} max={1000} step={50} value={set.points} onChange={(event) => change({ points: Number(event.currentTarget.value) })} />}
      </Field>
      <Field label={<>{t("playground.noise")} <span class="soft number">{number(set.noise)}</span></>}>
        {(wiring) => <input {...wiring} type="range" min={0.02} max={0.5} step={0.02} value={set.noise} onChange={(event) => change({ noise: Number(event.currentTarget.value) })} />}
      </Field>
      <Button icon={Dices} onClick={() => change({ seed: (set.seed % 1000) + 1 })}>{t("playground.again")}</Button>
    </div>
  );
}

const numbers = (all: number[]) => all.map((n) => [String(n), String(n)] as const);

export function TrainingControls({ choice, onChange }: ChangeProps) {
  return (
    <div class="play-fields">
      <SelectField label={t("playground.activation")} value={choice.activation} options={ACTIVATIONS.map((name) => [name, name] as const)} onChange={(activation) => onChange({ activation })} />
      <SelectField label={t("playground.optimizer")} value={choice.optimizer} options={OPTIMIZERS.map((name) => [name, name === "momentum" ? t("playground.momentum") : name] as const)} onChange={(optimizer) => onChange({ optimizer })} />
      <SelectField label={t("playground.batch")} value={String(choice.batchSize)} options={numbers([4, 8, 16, 32, 64, 128, 1024])} onChange={(size) => onChange({ batchSize: Number(size) })} />
      <SelectField label={t("playground.epochs")} value={String(choice.epochs)} options={numbers([50, 100, 200, 500, 1000, 2000])} onChange={(epochs) => onChange({ epochs: Number(epochs) })} />
    </div>
  );
}

const [SLOWEST, FASTEST] = [-4, 1.5];

export interface Try {
  learningRate: number;
  verdict: Verdict;
}

/** The learning rate on a logarithmic slider, and what the rates tried so far did. */
export function Rate({ choice, onChange, tried }: ChangeProps & { tried: Try[] }) {
  const power = Math.log10(choice.learningRate);
  const place = (rate: number) => ((Math.log10(rate) - SLOWEST) / (FASTEST - SLOWEST)) * 100;
  const round = (exponent: number) => Number((10 ** exponent).toPrecision(2));
  return (
    <div class="rate">
      <Field label={<>{t("playground.learning_rate")} <b class="number">{number(choice.learningRate)}</b></>}>
        {(wiring) => (
          <input
            {...wiring}
            type="range"
            min={SLOWEST}
            max={FASTEST}
            step={0.05}
            value={power}
            aria-valuetext={number(choice.learningRate)}
            onInput={(event) => onChange({ learningRate: round(Number(event.currentTarget.value)) })}
          />
        )}
      </Field>
      <div class="rate-marks" aria-hidden="true">
        {[-4, -3, -2, -1, 0, 1].map((p) => <span key={p} style={{ left: `${place(10 ** p)}%` }}>{10 ** p}</span>)}
      </div>
      {tried.length > 0 && (
        <ul class="tried" aria-label={t("playground.tried")}>
          {tried.map((each) => (
            <li key={each.learningRate} style={{ left: `${place(each.learningRate)}%` }}>
              <button type="button" class={each.verdict} aria-label={`${number(each.learningRate)}: ${t(`playground.verdict.${each.verdict}`)}`} title={`${number(each.learningRate)}: ${t(`playground.verdict.${each.verdict}`)}`} onClick={() => onChange({ learningRate: each.learningRate })} />
            </li>
          ))}
        </ul>
      )}
    </div>
  );
}
