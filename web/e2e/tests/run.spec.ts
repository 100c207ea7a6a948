import { photograph } from "../harness/photograph.ts";
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

test("the log of a reproduction says that the weights are the same", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  const { id } = await finished(owner, { ...CLASSIFY_PENGUINS, training: { epochs: 3 } });
  await visit(page, `/runs/${id}`);
  await page.getByRole("button", { name: "Reproduce" }).click();
  await expect(page.getByRole("link", { name: "reproduction of an earlier run" })).toBeVisible();
  await expect(page.locator(".page-head").getByText("Succeeded")).toBeVisible();
  await page.getByRole("link", { name: "Log" }).click();
  await expect(page.locator(".log")).toContainText(/same|identical/i);
});

test("the chart is moved by keys and buttons", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  const { id } = await finished(owner, { ...CLASSIFY_PENGUINS, training: { epochs: 20 } });
  await visit(page, `/runs/${id}`);
  const chart = page.getByRole("figure", { name: "Loss by step" });
  const canvas = chart.locator("canvas");
  const picture = () => canvas.evaluate((element) => (element as HTMLCanvasElement).toDataURL());
  const whole = await picture();
  await chart.getByRole("button", { name: "Zoom in" }).click();
  await expect.poll(picture).not.toBe(whole);
  const part = await picture();
  await chart.locator(".chart-area").press("ArrowRight");
  await expect.poll(picture).not.toBe(part);
  await chart.locator(".chart-area").press("0");
  await expect.poll(picture).toBe(whole);
});

test("the page of a run looks right", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  const { id } = await finished(owner, { ...CLASSIFY_PENGUINS, optimizer: { kind: "sgd", learning_rate: 0.5, momentum: 0.9 }, training: { epochs: 40 } });
  await visit(page, `/runs/${id}`);
  await photograph(page, "run", () => expect(page.locator("canvas").first()).toBeVisible());
  await visit(page, `/runs/${id}`, { tab: "evaluation" });
  await photograph(page, "run-evaluation", () => expect(page.locator(".confusion")).toBeVisible());
});
