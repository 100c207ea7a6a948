import { photograph } from "../harness/photograph.ts";
import { submit } from "../harness/runs.ts";
import { expect, test, visit } from "../harness/test.ts";
import { clouds, cloudRun, trained } from "../harness/toys.ts";
import type { Page } from "@playwright/test";

/** Asks for a coarse landscape and waits until it is drawn. */
async function compute(page: Page): Promise<void> {
  await page.getByLabel("Places along each side").selectOption("21");
  await page.getByLabel("Training rows").selectOption("100");
  await page.getByRole("button", { name: "Compute" }).click();
}

test("the ball rolls down the path, step by step and by itself", async ({ page, owner }) => {
  test.slow();
  await page.emulateMedia({ reducedMotion: "reduce" });
  await clouds(owner.api, "clouds");
  const run = await trained(owner.api, cloudRun("clouds", "roller", 1));
  await visit(page, "/descent");
  await page.getByRole("link", { name: "roller" }).click();
  await expect(page.getByText("No landscape yet")).toBeVisible();
  await compute(page);
  const slider = page.getByRole("slider", { name: "Place on the path" });
  await expect(slider).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "Contour" }).click();
  await expect(slider).toHaveValue("0");

  // The numbers beside the ball are those of the record.
  const { points } = (await (await owner.api.get(`/v1/runs/${run}/trajectory`)).json()) as { points: { step: number; gradient_norm: number | null; learning_rate: number | null }[] };
  await expect(page.getByText("step 0, epoch 1")).toBeVisible();
  await expect(page.locator(".ball-facts")).toContainText(String(points[0]?.learning_rate));
  const before = await page.locator(".contour canvas").screenshot();
  await page.getByRole("button", { name: "One step on" }).click();
  await expect(page.getByText(`step ${points[1]?.step}, epoch`)).toBeVisible();
  expect(await page.locator(".contour canvas").screenshot()).not.toEqual(before);
  // Whoever asked for less movement gets the end at once.
  await page.getByRole("button", { name: "Play" }).click();
  await expect(slider).toHaveValue(String(points.length - 1));
  await expect(page.getByText("The end of the path: no step leaves it.")).toBeVisible();

  await page.getByRole("button", { name: "Show", exact: true }).click();
  await expect(page.getByRole("table").getByRole("row")).toHaveCount(points.length + 1);
});

test("a run that still trains shows how far it has rolled", async ({ page, owner }) => {
  test.slow();
  await page.emulateMedia({ reducedMotion: "reduce" });
  await clouds(owner.api, "clouds");
  const { id } = await submit(owner, { ...cloudRun("clouds", "rolling", 1), training: { epochs: 100_000, batch_size: 1, seed: 1 } });
  await visit(page, `/runs/${id}`);
  const step = page.locator(".facts div", { hasText: "Step" }).locator("dd");
  await expect(step).toHaveText(/^[1-9][\d,]* \//);
  await visit(page, `/descent/${id}`);
  const slider = page.getByRole("slider", { name: "Place on the path" });
  const last = page.getByText(/^step [\d,]+, epoch/);
  /** The last step of the path of a landscape that is asked for now. */
  const rolled = async (): Promise<number> => {
    const asked = page.waitForResponse((answer) => answer.request().method() === "POST");
    await compute(page);
    const { id: landscape } = (await (await asked).json()) as { id: string };
    const answer = await owner.api.get(`/v1/runs/${id}/landscape?id=${landscape}&wait_s=60`, { timeout: 70_000 });
    const { status, paths } = (await answer.json()) as { status: string; paths: { points: { step: number }[] }[] };
    expect(status).toBe("ready");
    const end = paths[0]?.points.at(-1)?.step ?? 0;
    // The page looks by itself whether it is ready, and begins each landscape at the start of its path.
    await expect(async () => {
      await slider.press("End");
      expect(await last.innerText()).toContain(`step ${end.toLocaleString("en-GB")},`);
    }).toPass();
    return end;
  };
  const before = await rolled();
  expect(before).toBeGreaterThan(0);
  await expect.poll(rolled).toBeGreaterThan(before);
  const run = (await (await owner.api.get(`/v1/runs/${id}`)).json()) as { status: string };
  expect(run.status).toBe("running");
});

test("two runs race on one surface, and the page says which is lower and how high the wall is", async ({ page, owner }) => {
  test.slow();
  await page.emulateMedia({ reducedMotion: "reduce" });
  await clouds(owner.api, "clouds");
  const first = await trained(owner.api, cloudRun("clouds", "first", 1));
  const second = await trained(owner.api, cloudRun("clouds", "second", 2));
  await visit(page, `/descent/${first}`, { view: "race", other: second });
  await compute(page);
  await expect(page.locator(".race-verdict")).toBeVisible({ timeout: 60_000 });
  const landscape = (await (await owner.api.get(`/v1/runs/${first}/landscape`)).json()) as { barrier: { height: number; lower_run_id: string } };
  const lower = landscape.barrier.lower_run_id === first ? "first" : "second";
  await expect(page.locator(".race-verdict")).toContainText(`${lower} ended lower`);
  await expect(page.locator(".race-verdict")).toContainText(landscape.barrier.height > 0 ? /a wall [\d.e-]+ high/ : /there is no wall/);
  await expect(page.locator(".ball-facts")).toHaveCount(2);
  await photograph(page, "race", async () => {
    await expect(page.locator(".race-verdict")).toBeVisible();
  });
});

test("slices along the gradient and to another run", async ({ page, owner }) => {
  test.slow();
  await clouds(owner.api, "clouds");
  const first = await trained(owner.api, cloudRun("clouds", "first", 1));
  await trained(owner.api, cloudRun("clouds", "second", 2));
  await visit(page, `/descent/${first}`, { view: "slices" });
  await compute(page);
  await expect(page.getByRole("figure", { name: "Along the gradient" })).toBeVisible({ timeout: 60_000 });
  await page.getByRole("button", { name: "To another run" }).click();
  await compute(page);
  await expect(page.locator(".race-verdict")).toBeVisible({ timeout: 60_000 });
  await photograph(page, "slices");
});
