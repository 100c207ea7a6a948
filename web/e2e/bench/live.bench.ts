// Twenty runs that train on one page: what the browser takes of a core, all its processes together.
import type { Browser, Page } from "@playwright/test";
import { CLASSIFY_PENGUINS, dataset, submit } from "../harness/runs.ts";
import { Server } from "../harness/server.ts";
import { expect, test as base, visit } from "../harness/test.ts";
import { tell } from "./row.ts";

const RUNS = 20;
const REPEATS = 5;
const LOOK_MS = 10_000;

/** Long enough that none ends while it is looked at. */
const ENDLESS = { ...CLASSIFY_PENGUINS, network: [{ kind: "dense", units: 256, activation: "relu" }], training: { epochs: 100_000 } };

const test = base.extend<object, { server: Server }>({
  server: [
    // Playwright finds out what a fixture needs by its first parameter.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const server = await Server.start({ DESCENT_SLOTS: String(RUNS) });
      await use(server);
      await server.remove();
    },
    { scope: "worker" },
  ],
});

/** Seconds that the browser's processes have worked: all of them, those that draw pages, and the one that puts pictures together. */
async function worked(browser: Browser): Promise<Record<"all" | "renderer" | "GPU", number>> {
  const session = await browser.newBrowserCDPSession();
  const { processInfo } = await session.send("SystemInfo.getProcessInfo");
  await session.detach();
  const of = (type?: string) => processInfo.reduce((sum, one) => sum + (type === undefined || one.type === type ? one.cpuTime : 0), 0);
  return { all: of(), renderer: of("renderer"), GPU: of("GPU") };
}

/** How far each run on the page has come. */
const progress = (page: Page) => page.locator(".bar > div").evaluateAll((bars) => bars.map((bar) => (bar as HTMLElement).style.transform));

test("twenty live runs", async ({ page, owner, browser }) => {
  await dataset(owner, "penguins.csv");
  for (let idx = 1; idx <= RUNS; idx++) await submit(owner, { ...ENDLESS, name: `run ${idx}` });
  for (const [path, where, list] of [["/", "on the first page", ".running"], ["/runs", "in the list of runs", "table"]] as const) {
    await visit(page, path);
    await expect(page.locator(`${list} .badge`, { hasText: "Running" })).toHaveCount(RUNS);
    const shares = { all: [] as number[], renderer: [] as number[], GPU: [] as number[] };
    for (let repeat = 0; repeat < REPEATS; repeat++) {
      const [were, before, begin] = [await progress(page), await worked(browser), performance.now()];
      await page.waitForTimeout(LOOK_MS);
      const [after, seconds] = [await worked(browser), (performance.now() - begin) / 1000];
      for (const kind of ["all", "renderer", "GPU"] as const) shares[kind].push((100 * (after[kind] - before[kind])) / seconds);
      const are = await progress(page);
      expect(are.length).toBeGreaterThanOrEqual(RUNS);
      for (const [idx, place] of are.entries()) expect(place, "a run that stands still is not live").not.toBe(were[idx]);
    }
    await tell(page, [
      { what: `${RUNS} live runs ${where}: the browser, of one core`, unit: "%", goal: "<= 25", values: shares.all },
      { what: "of it, the process of the page", unit: "%", values: shares.renderer },
      { what: "of it, the process that puts its pictures together", unit: "%", values: shares.GPU },
    ]);
  }
});
