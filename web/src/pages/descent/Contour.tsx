import { useEffect, useRef, useState } from "preact/hooks";
import { number } from "../../format";
import { t } from "../../i18n";
import { theme } from "../../theme";
import { colourOf, type Field, levels, share, unit } from "./field";
import type { Path } from "./path";

export interface ViewProps {
  field: Field;
  paths: Path[];
  /** The point of each path where its ball is. */
  at: number[];
  /** Downhill at each ball, in units of the axes; null where it is not known. */
  downhill: ([number, number] | null)[];
  label: string;
}

/** Colours of the balls and their paths: both stand out on every height, and from each other also without colour vision. */
export const BALLS = ["#ff5a36", "#ffffff"] as const;
const LEVELS = 14;
const ASPECT = 0.62;

function shade(context: CanvasRenderingContext2D, field: Field, width: number, height: number): void {
  const [columns, rows] = [field.x.length, field.y.length];
  const small = document.createElement("canvas");
  small.width = columns;
  small.height = rows;
  const inner = small.getContext("2d");
  if (!inner) return;
  const image = inner.createImageData(columns, rows);
  for (let j = 0; j < rows; j++) {
    for (let i = 0; i < columns; i++) {
      const colour = colourOf(share(field, field.height[j * columns + i] as number));
      // The first row of a picture is its top, the first of the surface its bottom.
      const to = 4 * ((rows - 1 - j) * columns + i);
      for (let c = 0; c < 3; c++) image.data[to + c] = 255 * (colour[c] as number);
      image.data[to + 3] = 255;
    }
  }
  inner.putImageData(image, 0, 0);
  context.imageSmoothingEnabled = true;
  context.imageSmoothingQuality = "high";
  // Half a sample lies beyond the edge on each side.
  const [sx, sy] = [width / (columns - 1), height / (rows - 1)];
  context.drawImage(small, -sx / 2, -sy / 2, width + sx, height + sy);
}

function line(context: CanvasRenderingContext2D, places: [number, number][], width: number, stroke: string): void {
  context.beginPath();
  for (const [x, y] of places) context.lineTo(x, y);
  context.lineWidth = width;
  context.strokeStyle = stroke;
  context.stroke();
}

function arrow(context: CanvasRenderingContext2D, [x, y]: [number, number], angle: number, length: number): void {
  const [ex, ey] = [x + length * Math.cos(angle), y + length * Math.sin(angle)];
  for (const [width, stroke] of [[5, "rgb(0 0 0 / 55%)"], [2.2, "#ffffff"]] as const) {
    context.lineWidth = width;
    context.strokeStyle = stroke;
    context.beginPath();
    context.moveTo(x, y);
    context.lineTo(ex, ey);
    context.moveTo(ex + 8 * Math.cos(angle + 2.6), ey + 8 * Math.sin(angle + 2.6));
    context.lineTo(ex, ey);
    context.lineTo(ex + 8 * Math.cos(angle - 2.6), ey + 8 * Math.sin(angle - 2.6));
    context.stroke();
  }
}

function draw(context: CanvasRenderingContext2D, { field, paths, at, downhill }: ViewProps, width: number, height: number): void {
  const place = (x: number, y: number): [number, number] => {
    const [u, v] = unit(field, x, y);
    return [u * width, (1 - v) * height];
  };
  context.clearRect(0, 0, width, height);
  shade(context, field, width, height);
  context.lineJoin = context.lineCap = "round";
  for (const level of levels(field, LEVELS)) for (const each of level.lines) line(context, each.map(([u, v]) => [u * width, (1 - v) * height]), 1, "rgb(255 255 255 / 38%)");
  for (const [idx, path] of paths.entries()) {
    const all = path.points.map((point) => place(point.x, point.y));
    // What is still to come is thin.
    line(context, all, 3, "rgb(0 0 0 / 35%)");
    line(context, all, 1.2, "rgb(255 255 255 / 60%)");
    const gone = all.slice(0, (at[idx] ?? 0) + 1);
    line(context, gone, 5, "rgb(0 0 0 / 60%)");
    line(context, gone, 2.6, BALLS[idx] ?? BALLS[0]);
  }
  for (const [idx, path] of paths.entries()) {
    const point = path.points[at[idx] ?? 0];
    if (!point) continue;
    const centre = place(point.x, point.y);
    const down = downhill[idx];
    if (down && Math.hypot(...down) > 0) {
      const [ex, ey] = place(point.x + down[0], point.y + down[1]);
      arrow(context, centre, Math.atan2(ey - centre[1], ex - centre[0]), 44);
    }
    context.beginPath();
    context.arc(...centre, 8, 0, 2 * Math.PI);
    context.fillStyle = BALLS[idx] ?? BALLS[0];
    context.strokeStyle = "rgb(0 0 0 / 75%)";
    context.lineWidth = 2;
    context.fill();
    context.stroke();
  }
}

/** The surface from above: colours and lines of equal height, the paths, and a ball on each with the way down. */
export function Contour(props: ViewProps) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [width, setWidth] = useState(0);
  useEffect(() => {
    const element = canvas.current;
    if (!element) return;
    const watch = new ResizeObserver(() => setWidth(element.clientWidth));
    watch.observe(element);
    return () => watch.disconnect();
  }, []);
  const now = theme.value;
  useEffect(() => {
    const element = canvas.current;
    const context = element?.getContext("2d");
    if (!element || !context || width === 0) return;
    const ratio = Math.min(2, devicePixelRatio);
    const height = Math.round(width * ASPECT);
    element.width = width * ratio;
    element.height = height * ratio;
    context.scale(ratio, ratio);
    draw(context, props, width, height);
  }, [props, width, now]);
  const { x, y } = props.field;
  return (
    <figure class="contour">
      <canvas ref={canvas} role="img" aria-label={props.label} />
      <figcaption class="small soft number">
        <span>x: {number(x[0])} – {number(x.at(-1))}</span>
        <span>y: {number(y[0])} – {number(y.at(-1))}</span>
        <span>{t("descent.arrow")}</span>
      </figcaption>
    </figure>
  );
}
