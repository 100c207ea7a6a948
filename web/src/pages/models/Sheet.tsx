// A sheet of paper to draw on, with mouse, finger, pen or keys. What it gives is the ink, not the colour.
import { Eraser } from "lucide";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import { colour, theme } from "../../theme";
import { Button } from "../../ui/Button";
import type { Ink } from "./ink";

const SIDE = 280;
/** About two of 28 pixels once the drawing has been scaled, as the strokes of MNIST. */
const PEN = 28;

interface SheetProps {
  label: string;
  rows: number;
  columns: number;
  onInk: (ink: Ink | null) => void;
  /** A picture to show instead of what was drawn; another object is another picture. */
  shown: { amounts: Float32Array } | null;
}

function paperOf(canvas: HTMLCanvasElement | null): CanvasRenderingContext2D | null {
  return canvas?.getContext("2d", { willReadFrequently: true }) ?? null;
}

export function Sheet({ label, rows, columns, onInk, shown }: SheetProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const last = useRef<[number, number] | null>(null);
  const frame = useRef(0);
  const [hand, setHand] = useState<{ x: number; y: number; down: boolean } | null>(null);
  const help = useId();
  const width = columns >= rows ? SIDE : Math.round((SIDE * columns) / rows);
  const height = rows >= columns ? SIDE : Math.round((SIDE * rows) / columns);


  const now = theme.value;
  // The ink keeps its amounts and takes the colour of the theme.
  useEffect(() => {
    const context = paperOf(canvas.current);
    if (!context) return;
    context.globalCompositeOperation = "source-in";
    context.fillStyle = colour("--text");
    context.fillRect(0, 0, width, height);
    context.globalCompositeOperation = "source-over";
  }, [now, width, height]);

  useEffect(() => {
    const context = paperOf(canvas.current);
    if (!context || !shown) return;
    context.clearRect(0, 0, width, height);
    context.fillStyle = colour("--text");
    for (const [idx, ink] of shown.amounts.entries()) {
      context.globalAlpha = ink;
      context.fillRect(((idx % columns) * width) / columns, (Math.floor(idx / columns) * height) / rows, width / columns, height / rows);
    }
    context.globalAlpha = 1;
  }, [shown, width, height, rows, columns]);

  useEffect(() => () => cancelAnimationFrame(frame.current), []);

  const tell = () => {
    cancelAnimationFrame(frame.current);
    frame.current = requestAnimationFrame(() => {
      const context = paperOf(canvas.current);
      if (!context) return;
      const { data } = context.getImageData(0, 0, width, height);
      const values = new Float32Array(width * height);
      for (let i = 0; i < values.length; i++) values[i] = (data[4 * i + 3] as number) / 255;
      onInk({ width, height, values });
    });
  };

  const stroke = (from: [number, number], to: [number, number]) => {
    const context = paperOf(canvas.current);
    if (!context) return;
    context.strokeStyle = colour("--text");
    context.lineCap = "round";
    context.lineJoin = "round";
    context.lineWidth = PEN;
    context.beginPath();
    context.moveTo(...from);
    context.lineTo(...to);
    context.stroke();
    tell();
  };

  const clear = () => {
    paperOf(canvas.current)?.clearRect(0, 0, width, height);
    cancelAnimationFrame(frame.current);
    onInk(null);
  };

  const at = (element: HTMLElement, event: PointerEvent): [number, number] => {
    const box = element.getBoundingClientRect();
    return [((event.clientX - box.left) * width) / box.width, ((event.clientY - box.top) * height) / box.height];
  };

  const draw = (element: HTMLElement, event: PointerEvent) => {
    // A fast pen has been in more places than the browser has frames.
    const passed = event.getCoalescedEvents?.() ?? [];
    for (const each of passed.length > 0 ? passed : [event]) {
      if (!last.current) return;
      const place = at(element, each);
      stroke(last.current, place);
      last.current = place;
    }
  };

  const key = (event: KeyboardEvent) => {
    const moves: Record<string, [number, number]> = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
    const pen = hand ?? { x: width / 2, y: height / 2, down: false };
    const move = moves[event.key];
    if (move) {
      const step = (event.shiftKey ? 0.02 : 0.05) * Math.max(width, height);
      const next = { ...pen, x: Math.min(width, Math.max(0, pen.x + move[0] * step)), y: Math.min(height, Math.max(0, pen.y + move[1] * step)) };
      if (pen.down) stroke([pen.x, pen.y], [next.x, next.y]);
      setHand(next);
    } else if (event.key === " " || event.key === "Enter") {
      if (!pen.down) stroke([pen.x, pen.y], [pen.x, pen.y]);
      setHand({ ...pen, down: !pen.down });
    } else if (event.key === "Delete" || event.key === "Backspace") clear();
    else return;
    event.preventDefault();
  };

  return (
    <div class="sheet">
      <div class="sheet-paper">
        <canvas
          ref={canvas}
          width={width}
          height={height}
          tabIndex={0}
          role="application"
          aria-label={label}
          aria-describedby={help}
          onPointerDown={(event) => {
            if (event.button !== 0) return;
            event.currentTarget.setPointerCapture(event.pointerId);
            setHand(null);
            last.current = at(event.currentTarget, event);
            stroke(last.current, last.current);
          }}
          onPointerMove={(event) => draw(event.currentTarget, event)}
          onPointerUp={() => (last.current = null)}
          onPointerCancel={() => (last.current = null)}
          onKeyDown={key}
          onBlur={() => setHand(null)}
        />
        {hand && <i class={hand.down ? "down" : ""} style={{ left: `${(hand.x / width) * 100}%`, top: `${(hand.y / height) * 100}%` }} />}
      </div>
      <div class="row apart">
        <p class="soft small" id={help}>{t("models.sheet_help")}</p>
        <Button icon={Eraser} onClick={clear}>{t("models.clear")}</Button>
      </div>
      <span class="only-read" role="status">{hand ? t(hand.down ? "models.pen_down" : "models.pen_up") : ""}</span>
    </div>
  );
}
