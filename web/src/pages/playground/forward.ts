// The forward pass of a small dense network in the page: the same sums as the server's, from the weights of a recorded point.

export interface Input {
  name: string;
  mean: number;
  scale: number;
}

/** `activation(inputs * weight + bias)`, as the trajectory describes it. */
export interface Layer {
  kind: string;
  n_inputs: number;
  n_outputs: number;
  weight_offset?: number | null;
  bias_offset?: number | null;
  activation?: string | null;
  constant?: number | null;
}

/** The error function by Abramowitz and Stegun 7.1.26; wrong by at most 1.5e-7. */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - poly * Math.exp(-x * x));
}

/** The functions of a spec and the links of the last layer, one number at a time; softmax needs the whole row. */
const FUNCTIONS: Record<string, (x: number, constant: number) => number> = {
  relu: (x) => Math.max(0, x),
  leaky_relu: (x, slope) => (x > 0 ? x : slope * x),
  elu: (x, alpha) => (x > 0 ? x : alpha * Math.expm1(x)),
  gelu: (x) => 0.5 * x * (1 + erf(x / Math.SQRT2)),
  silu: (x) => x / (1 + Math.exp(-x)),
  sigmoid: (x) => 1 / (1 + Math.exp(-x)),
  tanh: (x) => Math.tanh(x),
  softplus: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
  exponential: (x) => Math.exp(x),
};

/** Whether every function of the layers is one this module knows. */
export function evaluable(layers: Layer[]): boolean {
  return layers.every(({ activation }) => activation == null || activation === "softmax" || activation in FUNCTIONS);
}

function softmax(values: Float64Array, width: number): void {
  for (let row = 0; row < values.length; row += width) {
    const part = values.subarray(row, row + width);
    const top = Math.max(...part);
    let sum = 0;
    for (let i = 0; i < width; i++) sum += part[i] = Math.exp((part[i] as number) - top);
    for (let i = 0; i < width; i++) part[i] = (part[i] as number) / sum;
  }
}

/** `rows` times `n_outputs` numbers out of `rows` times `n_inputs`. */
function pass(layer: Layer, weights: ArrayLike<number>, incoming: Float64Array): Float64Array {
  const { n_inputs: n, n_outputs: m, weight_offset, bias_offset } = layer;
  const rows = incoming.length / n;
  let out = incoming.slice();
  if (layer.kind === "dense" && weight_offset != null) {
    out = new Float64Array(rows * m);
    for (let row = 0; row < rows; row++) {
      for (let j = 0; j < m; j++) {
        let sum = bias_offset == null ? 0 : (weights[bias_offset + j] as number);
        for (let i = 0; i < n; i++) sum += (incoming[row * n + i] as number) * (weights[weight_offset + i * m + j] as number);
        out[row * m + j] = sum;
      }
    }
  }
  if (layer.activation === "softmax") softmax(out, m);
  else if (layer.activation != null) {
    const fn = FUNCTIONS[layer.activation];
    if (!fn) throw new Error(`unknown activation ${layer.activation}`);
    const constant = layer.constant ?? 1;
    for (let i = 0; i < out.length; i++) out[i] = fn(out[i] as number, constant);
  }
  return out;
}

/** What comes out of each layer for `rows` of raw values (row by row, one number per input). */
export function activations(inputs: Input[], layers: Layer[], weights: ArrayLike<number>, rows: ArrayLike<number>): Float64Array[] {
  const n = inputs.length;
  let values: Float64Array = Float64Array.from({ length: rows.length }, (_, i) => {
    const { mean, scale } = inputs[i % n] as Input;
    return ((rows[i] as number) - mean) / scale;
  });
  return layers.map((layer) => (values = pass(layer, weights, values)));
}

/** Probability of the second class, from the outputs of the last layer: its own output of two, or the only one. */
export function second(outputs: Float64Array, width: number): Float64Array {
  if (width === 1) return outputs;
  return Float64Array.from({ length: outputs.length / width }, (_, row) => outputs[row * width + 1] as number);
}

/** The raw values of a square grid of `side` by `side` places between `low` and `high`, the top row first. */
export function grid(side: number, low: number, high: number): Float64Array {
  const at = (i: number) => low + ((high - low) * (i + 0.5)) / side;
  const out = new Float64Array(side * side * 2);
  for (let row = 0; row < side; row++) {
    for (let column = 0; column < side; column++) {
      out[2 * (row * side + column)] = at(column);
      out[2 * (row * side + column) + 1] = at(side - 1 - row);
    }
  }
  return out;
}
