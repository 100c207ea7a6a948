import { photograph } from "../harness/photograph.ts";
import { CLASSIFY_PENGUINS, dataset, finished } from "../harness/runs.ts";
import { expect, test, visit } from "../harness/test.ts";

const RATES = [0.3, 0.05, 0.01];

test.beforeEach(async ({ owner }) => {
  await dataset(owner, "penguins.csv");
  for (const learning_rate of RATES) {
    await finished(owner, { ...CLASSIFY_PENGUINS, name: `rate ${learning_rate}`, optimizer: { kind: "sgd", learning_rate }, training: { epochs: 8 } });
  }
});

test("chosen runs are compared by what differs and what came of it", async ({ page }) => {
  await visit(page, "/compare");
  for (const rate of RATES) await page.getByLabel(`Choose rate ${rate} for comparison`).check();
  await page.getByRole("button", { name: "Compare 3 runs" }).click();
  const table = page.getByRole("region", { name: "What differs" });
  const row = table.getByRole("row", { name: /optimizer\/learning_rate/ });
  for (const rate of RATES) await expect(row.getByRole("cell", { name: String(rate), exact: true })).toBeVisible();
  await expect(table.getByRole("row", { name: /training\/epochs/ })).toHaveCount(0);
  await expect(page.getByRole("group", { name: /Parallel coordinates of 3 runs/ })).toBeVisible();

  await table.getByRole("button", { name: "Take rate 0.3 out" }).click();
  await expect(row.getByRole("cell")).toHaveCount(2);
});

test("the page of comparison looks right", async ({ page }) => {
  await visit(page, "/compare");
  for (const rate of RATES) await page.getByLabel(`Choose rate ${rate} for comparison`).check();
  await page.getByRole("button", { name: "Compare 3 runs" }).click();
  await photograph(page, "compare", () => expect(page.locator("canvas").first()).toBeVisible());
});
