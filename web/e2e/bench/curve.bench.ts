// A curve of 100,000 points: how long until it is drawn, and how many times a second while it is moved about.
import { setTimeout as sleep } from "node:timers/promises";
import type { Page } from "@playwright/test";
import { dataset, finished } from "../harness/runs.ts";
import { expect, test, visit } from "../harness/test.ts";
import { quantile, tell } from "./row.ts";

const REPEATS = 9;
const PAN_MS = 3_000;
const MOUSE_MS = 8;

/** 100 rows that train, one by one, 1,000 times: a loss, a gradient norm and a learning rate for each of 100,000 steps. */
const LONG = {
  dataset: "iris",
  name: "a long curve",
  task: { kind: "classification", target: "target", split: { kind: "random", validation: 1 / 3, test: 0 } },
  network: [{ kind: "dense", units: 4, activation: "tanh" }],
  optimizer: { kind: "sgd", learning_rate: 0.01 },
  training: { epochs: 1_000, batch_size: 1, seed: 1 },
};

interface Clock {
  /** When the numbers of the curves were in the page's hands. */
  data: number;
  /** When the loss chart was cleared to be drawn, each time. */
  draws: number[];
  /** When the frame with the first of them was on its way to the screen. */
  shown: number;
}

/** Looks over the page's shoulder: when its numbers are parsed, and when the loss chart draws. */
function watchCurve(): void {
  const clock: Clock = { data: 0, draws: [], shown: 0 };
  Object.assign(window, { clock });
  const json = Response.prototype.json;
  Response.prototype.json = async function () {
    const value = (await json.call(this)) as unknown;
    if (this.url.includes("/metrics?")) clock.data = performance.now();
    return value;
  };
  const clear = CanvasRenderingContext2D.prototype.clearRect;
  CanvasRenderingContext2D.prototype.clearRect = function (...place) {
    clear.apply(this, place);
    if (!this.canvas.closest("figure[aria-label='Loss by step']")) return;
    clock.draws.push(performance.now());
    if (clock.draws.length > 1) return;
    // A message that is sent while a frame is made comes when that frame has been painted.
    requestAnimationFrame(() => {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = () => (clock.shown = performance.now());
      port2.postMessage(null);
    });
  };
}

const clockOf = (page: Page) => page.evaluate(() => (window as unknown as { clock: Clock }).clock);

/** Milliseconds from the numbers, and from the last byte of the answer, to the picture. */
async function opened(page: Page, id: string): Promise<{ drawn: number; whole: number }> {
  await page.goto("about:blank");
  const answer = page.waitForResponse(/\/metrics\?/);
  await visit(page, `/runs/${id}`);
  const { series } = (await (await answer).json()) as { series: { name: string; n_points: number; thinned: boolean }[] };
  for (const name of ["loss", "gradient_norm", "learning_rate"]) expect(series.find((one) => one.name === name)).toMatchObject({ n_points: 100_000, thinned: false });
  await expect.poll(async () => (await clockOf(page)).shown).toBeGreaterThan(0);
  const { data, shown } = await clockOf(page);
  const received = await page.evaluate(() => performance.getEntriesByType("resource").find((entry) => entry.name.includes("/metrics?")) as PerformanceResourceTiming);
  return { drawn: shown - data, whole: shown - received.responseEnd };
}

/** Times between two pictures while the chart, most of it in sight, follows the pointer. */
async function panned(page: Page): Promise<number[]> {
  const canvas = page.getByRole("figure", { name: "Loss by step" }).locator(".u-over");
  await canvas.scrollIntoViewIfNeeded();
  const { x, y, width, height } = await canvas.evaluate((element) => element.getBoundingClientRect());
  const middle = { x: x + width / 2, y: y + height / 2 };
  await page.mouse.move(middle.x, middle.y);
  await page.keyboard.down("Control");
  await page.mouse.wheel(0, -1);
  await page.keyboard.up("Control");
  await page.keyboard.down("Shift");
  await page.mouse.down();
  const begin = await page.evaluate(() => performance.now());
  const moves: Promise<void>[] = [];
  // A mouse tells of its moves at its own pace, whether the page has kept up or not.
  for (let ms = 0; ms < PAN_MS; ms += MOUSE_MS) {
    moves.push(page.mouse.move(middle.x + 0.1 * width * Math.sin(ms / 300), middle.y));
    await sleep(MOUSE_MS);
  }
  await Promise.all(moves);
  await page.mouse.up();
  await page.keyboard.up("Shift");
  const draws = (await clockOf(page)).draws.filter((at) => at > begin);
  expect(draws.length, "the chart follows the pointer").toBeGreaterThan(10);
  return draws.slice(1).map((at, idx) => at - (draws[idx] as number));
}

test("a curve of 100,000 points", async ({ page, owner }) => {
  await dataset(owner, "iris.csv");
  const run = await finished(owner, LONG);
  expect(run.status).toBe("succeeded");
  await page.addInitScript(watchCurve);
  const drawn: number[] = [];
  const whole: number[] = [];
  const median: number[] = [];
  const slowest: number[] = [];
  for (let repeat = 0; repeat < REPEATS; repeat++) {
    const times = await opened(page, run.id);
    drawn.push(times.drawn);
    whole.push(times.whole);
    const intervals = await panned(page);
    median.push(1000 / quantile(intervals, 0.5));
    slowest.push(1000 / quantile(intervals, 0.95));
  }
  await tell(page, [
    { what: "the curves of 100,000 steps, from numbers to picture", unit: "ms", goal: "<= 100", values: drawn },
    { what: "the same from the last byte of the answer, which is parsed first", unit: "ms", values: whole },
    { what: "moving them, four fifths in sight: pictures in a second, median", unit: "fps", goal: ">= 50", values: median },
    { what: "the same, 5th percentile", unit: "fps", values: slowest },
  ]);
});
