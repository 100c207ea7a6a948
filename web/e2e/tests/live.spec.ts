// A run is watched while it trains, stopped, and watched over a cut line.
import { request } from "@playwright/test";
import { ended, type Run, submit, upload } from "../harness/api.ts";
import { Server } from "../harness/server.ts";
import { expect, settled, test, visit } from "../harness/test.ts";

/** Long enough to be looked at, on any machine. */
const LONG = { epochs: 100_000 };

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

test("a stream that was cut, by the end of the server even, loses no point", async ({ page, watch }) => {
  test.slow(); // a training, a kill and the rest of the training
  let server = await Server.start({ DESCENT_SLOTS: "1" });
  try {
    const api = () => request.newContext({ baseURL: server.url, extraHTTPHeaders: { authorization: `Bearer ${server.token}` } });
    const owner = { name: "admin", token: server.token, api: await api() };
    await upload(owner, "iris.csv");
    const { id } = await submit(owner, "cut", { epochs: 6_000 });
    await page.goto(server.link as string);
    await settled(page);
    await page.goto(`${server.url}/#/runs/${id}`);
    await expect(page.getByText("Running").first()).toBeVisible();

    watch.expect(/ERR_(CONNECTION_(REFUSED|RESET)|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)/);
    await page.context().setOffline(true);
    watch.expect(/ERR_INTERNET_DISCONNECTED/);
    server = await server.restart("SIGKILL");
    await page.context().setOffline(false);
    await expect(page.getByText("Succeeded").first()).toBeVisible({ timeout: 120_000 });

    const run = (await (await owner.api.get(`/v1/runs/${id}`)).json()) as Run;
    const steps = run.progress.step.toLocaleString("en-GB");
    await expect(page.getByText(`${steps} / ${steps}`).first()).toBeVisible();
    await owner.api.dispose();
  } finally {
    await server.remove();
  }
});
