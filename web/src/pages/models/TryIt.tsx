import { Dices, RotateCcw } from "lucide";
import { useMemo, useState } from "preact/hooks";
import { api, ok } from "../../api/client";
import { useResource } from "../../api/resource";
import type { ModelVersion } from "../../api/types";
import { t } from "../../i18n";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Snippet } from "../../ui/Snippet";
import { ProblemNotice, Skeleton } from "../../ui/State";
import { attempt } from "../../ui/Toast";
import { Fields } from "./Fields";
import { arrayFault, type Input, inputsOf, type ModelDocument, rowOf, startOf, type Values } from "./inputs";
import { Mattered, Outcome, predictUrl } from "./Outcome";
import { curlOfRow, useAnswer } from "./predict";
import { TryPicture } from "./TryPicture";

interface TryProps {
  model: ModelVersion;
  document: ModelDocument;
}

/** A random row of the dataset by column name; null where the dataset is gone. */
export async function randomRow(dataset: string): Promise<Record<string, string | null> | null> {
  const { n_rows } = await ok(api.GET("/v1/datasets/{id}", { params: { path: { id: dataset } } }));
  const offset = Math.floor(Math.random() * n_rows);
  const { columns, data } = await ok(api.GET("/v1/datasets/{id}/rows", { params: { path: { id: dataset }, query: { offset, limit: 1 } } }));
  const cells = data[0] as (string | null)[] | undefined;
  return cells ? Object.fromEntries(columns.map((name, idx) => [name, cells[idx] ?? null])) : null;
}

/** Name of the column that the model learned to tell, where it is one. */
export function targetOf(document: ModelDocument): string | null {
  return document.transform.target.name ?? null;
}

export function TryIt({ model, document }: TryProps) {
  // The ranges of the fields are those of the dataset while it exists; without it they follow from the transform.
  const profile = useResource(model.dataset ? `profile ${model.dataset}` : null, (signal) => ok(api.GET("/v1/datasets/{id}/profile", { params: { path: { id: model.dataset as string } }, signal })));
  const inputs = useMemo(() => inputsOf(document, profile.data?.columns), [document, profile.data]);
  if (model.dataset && profile.loading) return <Card title={t("models.try")}><Skeleton lines={6} /></Card>;
  const [first] = inputs;
  if (inputs.length === 1 && first?.kind === "array" && first.shape.length === 3) return <TryPicture model={model} document={document} input={first} />;
  return <TryRow model={model} document={document} inputs={inputs} />;
}

function sendable(inputs: Input[], values: Values): boolean {
  return inputs.every((input) => input.kind !== "array" || arrayFault(input, values[input.name] ?? "") === null);
}

function TryRow({ model, document, inputs }: TryProps & { inputs: Input[] }) {
  const [values, setValues] = useState<Values>(() => startOf(inputs));
  const [truth, setTruth] = useState<string | null>(null);
  const row = sendable(inputs, values) ? rowOf(inputs, values) : null;
  const { answer, problem } = useAnswer(model, row, true);
  const change = (next: Values) => {
    setValues(next);
    setTruth(null);
  };
  const take = () =>
    attempt(async () => {
      const cells = await randomRow(model.dataset as string);
      if (!cells) return;
      change(Object.fromEntries(inputs.map(({ name }) => [name, cells[name] ?? ""])));
      setTruth(cells[targetOf(document) ?? ""] ?? null);
    });
  return (
    <Card
      title={t("models.try")}
      actions={
        <>
          {model.dataset && <Button icon={Dices} onClick={() => void take()}>{t("models.row_of_data")}</Button>}
          <Button icon={RotateCcw} onClick={() => change(startOf(inputs))}>{t("models.typical")}</Button>
        </>
      }
    >
      <div class="try">
        <Fields inputs={inputs} values={values} problem={problem} onChange={change} />
        <div class="stack">
          {answer && <Outcome answer={answer} truth={truth} />}
          {problem && problem.violations.length === 0 && <ProblemNotice problem={problem} />}
          {answer && <Mattered answer={answer} />}
        </div>
      </div>
      {row && (
        <div class="stack tight as-curl">
          <h3>{t("models.as_curl")}</h3>
          <Snippet label={t("models.as_curl")} code={curlOfRow(predictUrl(model), row)} />
          <p class="soft small">{t("models.as_curl_about")}</p>
        </div>
      )}
    </Card>
  );
}
