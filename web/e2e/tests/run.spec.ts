import { CLASSIFY_PENGUINS, ENDLESS, dataset, finished, submit } from "../harness/runs.ts";
import { expect, test, visit } from "../harness/test.ts";

test("a run is watched live, paused, resumed and cancelled", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  const { id } = await submit(owner, ENDLESS);
  await visit(page, `/runs/${id}`);
  const head = page.locator(".page-head");
  await expect(head.getByText("Running")).toBeVisible();
  const step = page.locator(".facts div", { hasText: "Step" }).locator("dd");
  const before = await step.innerText();
  await expect(step).not.toHaveText(before);
  await expect(page.getByRole("figure", { name: "Loss by step" }).locator("canvas")).toBeVisible();

  await page.getByRole("button", { name: "Pause" }).click();
  await expect(head.getByText("Paused")).toBeVisible();
  await page.getByRole("button", { name: "Resume" }).click();
  await expect(head.getByText("Running")).toBeVisible();
  await page.getByRole("button", { name: "Cancel" }).click();
  await expect(head.getByText("Cancelled")).toBeVisible();
  await expect(page.getByRole("button", { name: "Retry" })).toBeVisible();
});

test("a diagnosis forks the run with its remedy", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  const run = await finished(owner, { ...CLASSIFY_PENGUINS, name: "too fast", optimizer: { kind: "sgd", learning_rate: 900 }, training: { epochs: 30 } });
  expect(run.status).toBe("failed");
  await visit(page, `/runs/${run.id}`);
  await expect(page.locator(".page-head").getByText("Failed")).toBeVisible();
  const fork = page.getByRole("region", { name: "What was noticed" }).getByRole("button", { name: "Fork with this change" }).first();
  await fork.click();
  await expect(page).not.toHaveURL(new RegExp(run.id));
  await expect(page.getByRole("link", { name: "fork of an earlier run" })).toBeVisible();
  const id = page.url().split("/runs/")[1] ?? "";
  const forked = (await (await owner.api.get(`/v1/runs/${id}`)).json()) as { spec: { optimizer: { learning_rate: number } }; parent: { id: string } };
  expect(forked.parent.id).toBe(run.id);
  expect(forked.spec.optimizer.learning_rate).toBeLessThan(900);
});
