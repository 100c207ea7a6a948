import { photograph } from "../harness/photograph.ts";
import { CLASSIFY_PENGUINS, ENDLESS, dataset, finished, submit } from "../harness/runs.ts";
import { expect, test, visit } from "../harness/test.ts";

test("a new owner is led to the first dataset", async ({ page }) => {
  await visit(page, "/");
  await page.getByRole("link", { name: "Upload a dataset" }).first().click();
  await expect(page.getByRole("heading", { level: 1, name: "Datasets" })).toBeVisible();
});

test("runs that somebody else starts appear, move and leave by themselves", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  await visit(page, "/");
  await expect(page.locator(".live.open")).toBeVisible();
  const { id } = await submit(owner, ENDLESS);
  const running = page.getByRole("region", { name: "Running" }).getByRole("listitem");
  await expect(running.getByRole("link", { name: "endless" })).toBeVisible();
  const said = running.locator(".say");
  await expect(said).toContainText("epoch");
  const before = await said.innerText();
  await expect(said).not.toHaveText(before);
  await owner.api.post(`/v1/runs/${id}/cancel`);
  await expect(running).toHaveCount(0);
  await expect(page.getByRole("region", { name: "Recent runs" }).getByText("Cancelled")).toBeVisible();
});

test("home and the list of runs look right", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  await finished(owner, { ...CLASSIFY_PENGUINS, training: { epochs: 3 } });
  await visit(page, "/");
  await photograph(page, "home", () => expect(page.locator(".home .badge.good")).toBeVisible());
  await visit(page, "/runs");
  await photograph(page, "runs");
});
