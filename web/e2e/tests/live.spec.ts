// A run is watched while it trains, stopped, and watched over a cut line.
import { request } from "@playwright/test";
import { ended, submit, upload } from "../harness/api.ts";
import { Server } from "../harness/server.ts";
import { expect, settled, test, visit } from "../harness/test.ts";

/** Longer than any test, on any machine: ten million steps. */
const LONG = { epochs: 100_000, batch_size: 1 };

test("a run is watched and cancelled", async ({ page, owner }) => {
  await upload(owner, "iris.csv");
  const { id } = await submit(owner, "watched", LONG);
  await visit(page, `/runs/${id}`);
  await expect(page.getByText("Running").first()).toBeVisible();
  const bar = page.getByRole("progressbar").first();
  const before = await bar.getAttribute("aria-valuenow");
  // Without a click or a reload.
  await expect(bar).not.toHaveAttribute("aria-valuenow", before ?? "");
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(page.getByText("Cancelled").first()).toBeVisible();
  const run = await ended(owner, id);
  expect(run.status).toBe("cancelled");
});

test("a page that is open sees what others begin", async ({ page, owner }) => {
  await upload(owner, "iris.csv");
  await visit(page, "/runs");
  await ended(owner, (await submit(owner, "from-elsewhere")).id);
  await expect(page.getByRole("link", { name: "from-elsewhere" })).toBeVisible();
});

test("a run that was over before the page could ask for it is seen too", async ({ page, owner }) => {
  await upload(owner, "iris.csv");
  await visit(page, "/runs");
  let letGo = () => {};
  const over = new Promise<void>((resolve) => (letGo = resolve));
  await page.route(/\/v1\/runs\/[0-9a-f-]{36}$/, async (route) => {
    await over;
    await route.continue();
  });
  await ended(owner, (await submit(owner, "short")).id);
  letGo();
  await expect(page.getByRole("link", { name: "short" })).toBeVisible();
});

test("a stream that was cut, by the end of the server even, loses no point", async ({ page, watch }) => {
  test.slow(); // a training, a kill and the rest of the training
  let server = await Server.start({ DESCENT_SLOTS: "1" });
  try {
    const api = () => request.newContext({ baseURL: server.url, extraHTTPHeaders: { authorization: `Bearer ${server.token}` } });
    const owner = { name: "admin", token: server.token, api: await api() };
    await upload(owner, "iris.csv");
    const { id } = await submit(owner, "cut", LONG);
    await page.goto(server.link as string);
    await settled(page);
    await page.goto(`${server.url}/#/runs/${id}`);
    await expect(page.getByText("Running").first()).toBeVisible();

    watch.expect(/ERR_(CONNECTION_(REFUSED|RESET)|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE|INTERNET_DISCONNECTED)/);
    await page.context().setOffline(true);
    const bar = page.getByRole("progressbar").first();
    const before = await bar.getAttribute("aria-valuenow");
    server = await server.restart("SIGKILL");
    await page.context().setOffline(false);
    await expect(bar).not.toHaveAttribute("aria-valuenow", before ?? "", { timeout: 60_000 });

    expect((await owner.api.post(`/v1/runs/${id}/cancel`)).ok()).toBe(true);
    await expect(page.getByText("Cancelled").first()).toBeVisible();
    const run = await ended(owner, id);
    const steps = run.progress.step.toLocaleString("en-GB");
    await expect(page.getByText(new RegExp(`^${steps} / `)).first()).toBeVisible();
    const { series } = (await (await owner.api.get(`/v1/runs/${id}/metrics?names=loss&max_points=100000`)).json()) as { series: { values: number[] }[] };
    await page.locator(".view-controls input[type=range]").fill("0");
    const shown = page.locator(".chart-key button", { hasText: "Batch" }).locator("b");
    await expect.poll(async () => Number(await shown.innerText())).toBeCloseTo(series[0]?.values.at(-1) ?? Number.NaN, 2);
    await owner.api.dispose();
  } finally {
    await server.remove();
  }
});
