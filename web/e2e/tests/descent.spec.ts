import { photograph } from "../harness/photograph.ts";
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
