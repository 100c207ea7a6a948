import { Dices, Download, ImageUp, ScanEye } from "lucide";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";
import type { ModelVersion } from "../../api/types";
import { t } from "../../i18n";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Icon } from "../../ui/Icon";
import { Snippet } from "../../ui/Snippet";
import { ProblemNotice } from "../../ui/State";
import { attempt, toastProblem } from "../../ui/Toast";
import { covered, type Ink, numbersOf, picture } from "./ink";
import { type ArrayInput, drawable, type ModelDocument } from "./inputs";
import { Outcome, predictUrl } from "./Outcome";
import { paint, readPicture, savePng, shades } from "./pictures";
import { type Answer, curlOfPicture, predict, useAnswer } from "./predict";
import { Sheet } from "./Sheet";
import { randomRow, targetOf } from "./TryIt";

/** Side of the square that is laid over the picture to find what mattered. */
const PATCH = 4;

interface Shown {
  /** Shades as the training file has them, from 0 to 1. */
  values: Float32Array;
  /** The same as ink, for the sheet. */
  amounts: Float32Array;
}

/** How much each patch of the picture speaks for the answer: its probability, less the one with the patch covered. */
interface Parts {
  rows: number;
  columns: number;
  drops: number[];
}

async function partsOf(model: ModelVersion, input: ArrayInput, shown: Shown, answer: Answer, signal: AbortSignal): Promise<Parts> {
  const [rows = 0, columns = 0] = input.shape;
  const label = answer.label as string;
  const pictures = covered(shown.amounts, rows, columns, PATCH).map((amounts) => ({ [input.name]: numbersOf(amounts, input.top, input.bright) }));
  const answers = await predict(model, pictures, false, signal);
  const whole = answer.probabilities?.[label] ?? 0;
  return { rows: Math.ceil(rows / PATCH), columns: Math.ceil(columns / PATCH), drops: answers.map((each) => whole - (each.probabilities?.[label] ?? 0)) };
}

/** What the model sees, pixel by pixel, and over it the parts that mattered. */
function Seen({ input, shown, parts, canvas }: { input: ArrayInput; shown: Shown; parts: Parts | null; canvas: { current: HTMLCanvasElement | null } }) {
  const [rows = 0, columns = 0, channels = 1] = input.shape;
  useEffect(() => {
    if (canvas.current) paint(canvas.current, shown.values, columns, rows, channels);
  }, [canvas, shown, columns, rows, channels]);
  const top = Math.max(0.02, ...(parts?.drops.map(Math.abs) ?? []));
  return (
    <div class="seen" style={{ aspectRatio: `${columns} / ${rows}` }}>
      <canvas ref={canvas} role="img" aria-label={t("models.seen")} />
      {parts && (
        <div class="parts" style={{ gridTemplateColumns: `repeat(${parts.columns}, 1fr)` }} aria-hidden="true">
          {parts.drops.map((drop, idx) => <i key={idx} class={drop < 0 ? "against" : ""} style={{ opacity: Math.min(0.85, Math.abs(drop) / top) }} />)}
        </div>
      )}
    </div>
  );
}

/** Tries a model of pictures: drawn by hand where it has one channel, else from a file. */
export function TryPicture({ model, document, input }: { model: ModelVersion; document: ModelDocument; input: ArrayInput }) {
  const [rows = 0, columns = 0, channels = 1] = input.shape;
  const [shown, setShown] = useState<Shown | null>(null);
  const [taken, setTaken] = useState<Shown | null>(null);
  const [truth, setTruth] = useState<string | null>(null);
  const [parts, setParts] = useState<Parts | null>(null);
  const [busy, setBusy] = useState(false);
  const canvas = useRef<HTMLCanvasElement>(null);
  const row = useMemo(() => (shown ? { [input.name]: numbersOf(shown.values, input.top, false) } : null), [shown, input]);
  const { answer, problem } = useAnswer(model, row, false);
  const canDraw = drawable(input);
  const digits = rows === 28 && columns === 28;

  const show = (next: Shown | null, said: string | null) => {
    setShown(next);
    setTruth(said);
    setParts(null);
  };
  const drawn = (ink: Ink | null) => {
    setTaken(null);
    if (!ink) return show(null, null);
    const amounts = picture(ink, rows, columns, digits);
    show({ amounts, values: input.bright ? amounts.map((n) => 1 - n) : amounts }, null);
  };
  const open = async (url: string, said: string | null) => {
    const rgb = await readPicture(url, columns, rows);
    if (!rgb) return toastProblem(new Error(t("models.picture_unreadable")));
    const values = shades(rgb, channels);
    const next = { values, amounts: input.bright ? values.map((n) => 1 - n) : values };
    setTaken(next);
    show(next, said);
  };
  const take = () =>
    attempt(async () => {
      const cells = await randomRow(model.dataset as string);
      const url = cells?.[input.name];
      if (url) await open(url, cells[targetOf(document) ?? ""] ?? null);
    });
  const openFile = async (file: File | undefined) => {
    if (!file) return;
    const url = URL.createObjectURL(file);
    await open(url, null);
    URL.revokeObjectURL(url);
  };
  const lookClosely = async () => {
    if (!shown || !answer) return;
    setBusy(true);
    await attempt(async () => setParts(await partsOf(model, input, shown, answer, new AbortController().signal)));
    setBusy(false);
  };

  return (
    <Card
      title={t("models.try")}
      actions={
        <>
          <label class="button">
            <Icon of={ImageUp} size={16} />
            {t("models.upload_picture")}
            <input
              class="only-read"
              type="file"
              accept="image/*"
              onChange={(event) => {
                void openFile(event.currentTarget.files?.[0]);
                event.currentTarget.value = "";
              }}
            />
          </label>
          {model.dataset && <Button icon={Dices} onClick={() => void take()}>{t("models.row_of_data")}</Button>}
        </>
      }
    >
      <div class={`try picture${canDraw ? "" : " undrawn"}`}>
        {canDraw && <Sheet label={t("models.sheet", rows, columns)} rows={rows} columns={columns} onInk={drawn} shown={taken} />}
        {shown && (
          <div class="stack tight">
            <Seen input={input} shown={shown} parts={parts} canvas={canvas} />
            <p class="soft small">{parts ? t("models.mattered_parts_about") : digits ? t("models.seen_about") : t("models.seen")}</p>
            <div class="row">
              {answer?.label != null && channels === 1 && <Button icon={ScanEye} busy={busy} onClick={() => void lookClosely()}>{t("models.mattered_parts")}</Button>}
              <Button look="quiet" icon={Download} onClick={() => canvas.current && savePng(canvas.current, "drawing.png")}>{t("models.save_png")}</Button>
            </div>
          </div>
        )}
        <div class="stack">
          {answer && <Outcome answer={answer} truth={truth} />}
          {!answer && !problem && <p class="soft">{t("models.draw_first")}</p>}
          {problem && <ProblemNotice problem={problem} />}
        </div>
      </div>
      <div class="stack tight as-curl">
        <h3>{t("models.as_curl")}</h3>
        <Snippet label={t("models.as_curl")} code={curlOfPicture(predictUrl(model))} />
        <p class="soft small">{t("models.as_curl_about")}</p>
      </div>
    </Card>
  );
}
