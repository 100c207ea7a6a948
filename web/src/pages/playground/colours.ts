// Colours of a number between -1 and 1: blue below, orange above, the surface between. Blue and orange are told apart by
// nearly everyone, and the theme's own surface keeps the middle quiet in light and dark.
import { colour } from "../../theme";

const STEPS = 128;

function channels(hex: string): [number, number, number] {
  const n = Number.parseInt(hex.slice(1), 16);
  return [n >> 16, (n >> 8) & 255, n & 255];
}

/** Red, green, blue of 2 * 128 + 1 values from -1 to 1, one after another. */
export function scale(low = colour("--series-1"), middle = colour("--surface"), high = colour("--series-2")): Uint8ClampedArray {
  const [l, m, h] = [channels(low), channels(middle), channels(high)];
  const out = new Uint8ClampedArray(3 * (2 * STEPS + 1));
  for (let i = -STEPS; i <= STEPS; i++) {
    const part = Math.abs(i) / STEPS;
    const end = i < 0 ? l : h;
    for (let c = 0; c < 3; c++) out[3 * (i + STEPS) + c] = (m[c] as number) + part * ((end[c] as number) - (m[c] as number));
  }
  return out;
}

/** Draws `side` by `side` numbers; `-full` is the first colour and `full` the last. */
export function paint(canvas: HTMLCanvasElement, values: ArrayLike<number>, side: number, colours: Uint8ClampedArray, full: number): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  const image = context.createImageData(side, side);
  for (let i = 0; i < side * side; i++) {
    const part = Math.max(-1, Math.min(1, (values[i] as number) / full));
    const at = 3 * (Math.round((Number.isNaN(part) ? 0 : part) * STEPS) + STEPS);
    for (let c = 0; c < 3; c++) image.data[4 * i + c] = colours[at + c] as number;
    image.data[4 * i + 3] = 255;
  }
  context.putImageData(image, 0, 0);
}
