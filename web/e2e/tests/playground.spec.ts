import { photograph } from "../harness/photograph.ts";
import { expect, test, visit } from "../harness/test.ts";
import type { Page } from "@playwright/test";

/** Presses Train and waits until the run ended and something is said about it, which may be before. */
async function train(page: Page): Promise<void> {
  const button = page.getByRole("button", { name: /^(Train|학습)$/ });
  await button.click();
  await expect(page.locator(".verdict")).toBeVisible({ timeout: 40_000 });
  await expect(button).toBeEnabled({ timeout: 40_000 });
}

test("a toy set is trained by the server and its boundary can be scrubbed", async ({ page, owner }) => {
  test.slow();
  await visit(page, "/playground");
  await page.getByRole("button", { name: "Circles" }).click();
  await train(page);
  await expect(page.locator(".verdict")).toHaveText("Converging");
  const { data } = (await (await owner.api.get("/v1/runs")).json()) as { data: { name: string; status: string; progress: { steps: number } }[] };
  expect(data).toMatchObject([{ name: "playground", status: "succeeded" }]);

  // At the end nearly every point is on its side; at the start it is not.
  const slider = page.getByRole("slider", { name: "Recorded step" });
  const right = async () => Number(/; ([\d.]+)% of the points/.exec((await page.locator(".boundary canvas").first().getAttribute("aria-label")) ?? "")?.[1]);
  await slider.press("End");
  await expect.poll(right).toBeGreaterThan(95);
  const shown = await page.locator(".boundary canvas").first().screenshot();
  await slider.press("Home");
  await expect.poll(right).toBeLessThan(90);
  expect(await page.locator(".boundary canvas").first().screenshot()).not.toEqual(shown);
});

test("a learning rate that crawls, one that fits and one that diverges are told apart, and only the last run stays", async ({ page, owner }) => {
  test.slow();
  await visit(page, "/playground");
  await train(page);
  const slider = page.getByRole("slider", { name: /^Learning rate/ });
  const tried = page.getByRole("list", { name: "Tried so far" }).getByRole("listitem");
  await expect(tried).toHaveCount(1, { timeout: 40_000 });
  await expect(page.locator(".verdict")).toHaveText("Converging");
  for (const [idx, [rate, words]] of ([["-4", "Crawling"], ["1.5", "Diverging"]] as const).entries()) {
    await slider.fill(rate);
    // A rate is among those tried when its run is over.
    await expect(tried).toHaveCount(idx + 2, { timeout: 40_000 });
    await expect(page.locator(".verdict")).toHaveText(words);
  }
  await expect.poll(async () => ((await (await owner.api.get("/v1/runs")).json()) as { data: unknown[] }).data.length).toBe(1);
});

test("layers and units can be changed, and the next training has them", async ({ page, owner }) => {
  test.slow();
  await visit(page, "/playground");
  await page.getByRole("button", { name: "One unit more in layer 1" }).click();
  await page.getByRole("button", { name: "Remove a layer" }).click();
  await train(page);
  await expect(page.locator(".net-unit")).toHaveCount(2 + 7 + 1);
  const { data } = (await (await owner.api.get("/v1/runs")).json()) as { data: { spec: { network: { units: number }[] } }[] };
  expect(data[0]?.spec.network.map((layer) => layer.units)).toEqual([7]);
});

test("the playground in every look", async ({ page }) => {
  test.setTimeout(120_000);
  // The end of the training at once, and the same in every picture.
  await page.emulateMedia({ reducedMotion: "reduce" });
  await visit(page, "/playground");
  await photograph(page, "playground", () => train(page));
});
