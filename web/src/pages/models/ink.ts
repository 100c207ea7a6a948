// From a drawing to the picture that a model of handwritten digits knows. MNIST's own preparation (LeCun, Cortes, Burges):
// the ink is scaled, with its proportions, into a box of 20 of the 28 pixels, and its centre of mass is put in the middle.

/** Amounts of ink from 0 to 1, row by row. */
export interface Ink {
  width: number;
  height: number;
  values: Float32Array;
}

const FAINT = 0.05;

/** The smallest rectangle with all the ink: left, top, right, bottom, the last two exclusive. Null without ink. */
function bounds({ width, height, values }: Ink): [number, number, number, number] | null {
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if ((values[y * width + x] as number) <= FAINT) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = Math.max(bottom, y + 1);
    }
  }
  return right > left ? [left, top, right, bottom] : null;
}

/** Ink within a rectangle of real numbers, as the mean over its area. */
function mean({ width, height, values }: Ink, x0: number, y0: number, x1: number, y1: number): number {
  let sum = 0;
  for (let y = Math.max(0, Math.floor(y0)); y < Math.min(height, y1); y++) {
    const tall = Math.min(y + 1, y1) - Math.max(y, y0);
    for (let x = Math.max(0, Math.floor(x0)); x < Math.min(width, x1); x++) {
      sum += (values[y * width + x] as number) * tall * (Math.min(x + 1, x1) - Math.max(x, x0));
    }
  }
  return sum / ((x1 - x0) * (y1 - y0));
}

/** The drawing as `rows` by `columns` amounts of ink; `centred` as MNIST does it, else the whole sheet as it is. */
export function picture(ink: Ink, rows: number, columns: number, centred: boolean): Float32Array {
  const out = new Float32Array(rows * columns);
  const box = bounds(ink);
  if (!box) return out;
  if (!centred) {
    const [sx, sy] = [ink.width / columns, ink.height / rows];
    for (let r = 0; r < rows; r++) for (let c = 0; c < columns; c++) out[r * columns + c] = mean(ink, c * sx, r * sy, (c + 1) * sx, (r + 1) * sy);
    return out;
  }
  const [left, top, right, bottom] = box;
  // Sheet units per pixel, so that the longer side of the ink has 20 pixels of 28.
  const unit = Math.max((right - left) / columns, (bottom - top) / rows) * (28 / 20);
  const mass = massCentre(ink);
  // The middle of mass, as far as no ink falls over the edge: a seven is heavy at its top.
  const cx = within(mass[0], right - (columns / 2) * unit, left + (columns / 2) * unit);
  const cy = within(mass[1], bottom - (rows / 2) * unit, top + (rows / 2) * unit);
  for (let r = 0; r < rows; r++) {
    for (let c = 0; c < columns; c++) {
      const x = cx + (c - columns / 2) * unit;
      const y = cy + (r - rows / 2) * unit;
      out[r * columns + c] = mean(ink, x, y, x + unit, y + unit);
    }
  }
  return out;
}

function within(value: number, low: number, high: number): number {
  return Math.min(high, Math.max(low, value));
}

function massCentre({ width, height, values }: Ink): [number, number] {
  let [sum, x, y] = [0, 0, 0];
  for (let row = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      const ink = values[row * width + column] as number;
      sum += ink;
      x += ink * (column + 0.5);
      y += ink * (row + 0.5);
    }
  }
  return [x / sum, y / sum];
}

/** Numbers as the training file has them: ink is bright on dark there (MNIST), or dark on light where `bright` is set. */
export function numbersOf(amounts: Float32Array, top: number, bright: boolean): number[] {
  const whole = top > 1;
  return Array.from(amounts, (ink) => {
    const value = Math.min(1, Math.max(0, bright ? 1 - ink : ink)) * top;
    return whole ? Math.round(value) : Number(value.toFixed(4));
  });
}

/** The picture with one square of paper laid over it, for every place of the square: what the model then thinks less of, mattered. */
export function covered(amounts: Float32Array, rows: number, columns: number, side: number): Float32Array[] {
  const all: Float32Array[] = [];
  for (let r = 0; r < rows; r += side) {
    for (let c = 0; c < columns; c += side) {
      const copy = amounts.slice();
      for (let y = r; y < Math.min(rows, r + side); y++) copy.fill(0, y * columns + c, y * columns + Math.min(columns, c + side));
      all.push(copy);
    }
  }
  return all;
}
