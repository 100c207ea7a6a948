import type { ModelVersion } from "../../api/types";
import { number, percent } from "../../format";
import { t } from "../../i18n";
import { Bars, type BarRow } from "../../ui/Bars";
import type { Answer } from "./predict";

/** Classes that are shown with a bar each; of more, the most probable ones. */
const MANY = 12;

function probabilityRows(answer: Answer): BarRow[] {
  const all = Object.entries(answer.probabilities ?? {}).map(([name, value]): BarRow => ({ name, value, text: value === null ? undefined : percent(value), strong: name === answer.label }));
  return all.length <= MANY ? all : all.sort((a, b) => (b.value ?? 0) - (a.value ?? 0)).slice(0, MANY);
}

function Notes({ answer }: { answer: Answer }) {
  const notes = answer.notes ?? [];
  const of = (code: string) => notes.filter((note) => note.code === code).map((note) => note.column).join(", ");
  const [missing, unknown] = [of("missing_imputed"), of("unknown_category")];
  const others = notes.filter((note) => note.code !== "missing_imputed" && note.code !== "unknown_category");
  return (
    <>
      {missing && <p class="soft small">{t("models.note_missing", missing)}</p>}
      {unknown && <p class="soft small">{t("models.note_unknown", unknown)}</p>}
      {others.map((note) => <p key={`${note.column} ${note.code}`} class="soft small">{t("models.note_other", note.column, note.code)}</p>)}
    </>
  );
}

/** What a model says about one row: the class with its probability, or the values. */
export function Outcome({ answer, truth }: { answer: Answer; truth: string | null }) {
  const { label, probabilities, values } = answer;
  const chance = label != null ? probabilities?.[label] : null;
  return (
    <div class="outcome">
      <div aria-live="polite">
        {probabilities && label != null && (
          <>
            <strong class="said">{label}</strong>
            {chance != null && <span class="soft"> {t("models.probability_of", percent(chance))}</span>}
          </>
        )}
        {values && Object.entries(values).map(([name, value]) => (
          <p key={name}>
            <span class="soft">{name}</span> <strong class="said number">{number(value)}</strong>
          </p>
        ))}
        {answer.nonfinite && Object.keys(answer.nonfinite).length > 0 && <p>{t("models.not_finite")}</p>}
        {truth !== null && <p class="soft small">{t("models.file_says", truth)}</p>}
      </div>
      {probabilities && <Bars label={t("models.probabilities")} rows={probabilityRows(answer)} top={1} />}
      <Notes answer={answer} />
    </div>
  );
}

/** Contributions of the columns to what was said, largest first. */
export function Mattered({ answer }: { answer: Answer }) {
  return (
    <>
      {answer.explanation?.map((each) => {
        const parts = Object.entries(each.attributions).map(([name, value]): BarRow => ({ name, value }));
        parts.sort((a, b) => Math.abs(b.value ?? 0) - Math.abs(a.value ?? 0));
        return (
          <div key={each.of} class="stack tight">
            <h3>{t("models.mattered")}</h3>
            <Bars label={t("models.mattered")} rows={parts.slice(0, MANY)} note={t("models.mattered_about", each.of, number(each.baseline), number(each.output))} />
          </div>
        );
      })}
    </>
  );
}

/** Where predictions of this version are asked for. */
export function predictUrl(model: ModelVersion): string {
  return `${location.origin}/v1/models/${encodeURIComponent(model.name)}/versions/${model.version}/predict`;
}
