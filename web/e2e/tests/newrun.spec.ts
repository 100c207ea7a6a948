import { photograph } from "../harness/photograph.ts";
import { CLASSIFY_PENGUINS, dataset } from "../harness/runs.ts";
import { expect, test, visit } from "../harness/test.ts";

test("from a dataset to a trained model, without a keyboard", async ({ page, owner }) => {
  const id = await dataset(owner, "penguins.csv");
  await visit(page, `/datasets/${id}`);
  await page.getByRole("link", { name: "Train on it" }).click();
  await expect(page.getByLabel("Target")).toHaveValue("species");
  await expect(page.getByRole("heading", { name: "Plan" })).toBeVisible();
  await page.getByRole("button", { name: "Start the run" }).click();
  await expect(page).toHaveURL(/#\/runs\//);
  await expect(page.locator(".page-head").getByText("Succeeded")).toBeVisible();
  await page.getByRole("link", { name: "Evaluation" }).click();
  await expect(page.getByRole("heading", { name: "Confusion matrix" })).toBeVisible();
});

test("layers are edited with their shapes in sight, and the plan follows", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  await visit(page, "/new");
  const network = page.getByRole("region", { name: "Network" });
  await network.getByRole("button", { name: "Layers" }).click();
  await network.getByLabel("Units").fill("24");
  await expect(network.locator(".layer").first().locator(".tag")).toHaveText("24");
  await network.getByRole("button", { name: "Add a layer" }).click();
  await expect(network.locator(".layer")).toHaveCount(3);
  await expect(page.locator(".outline li")).toHaveCount(4);
  await network.getByRole("button", { name: "Remove" }).last().click();
  await expect(page.locator(".outline li")).toHaveCount(3);
});

test("what is wrong stands at its field, and nothing can be started", async ({ page, owner, watch }) => {
  await dataset(owner, "penguins.csv");
  await visit(page, "/new");
  watch.expect(/422.*\/v1\/runs/);
  const epochs = page.getByLabel("Epochs");
  await epochs.fill("0");
  await expect(epochs).toHaveAttribute("aria-invalid", "true");
  await expect(page.getByRole("alert")).toContainText("/training/epochs");
  await expect(page.getByRole("button", { name: "Start the run" })).toBeDisabled();
  await epochs.fill("4");
  await expect(page.getByRole("button", { name: "Start the run" })).toBeEnabled();
  await expect(epochs).toHaveAttribute("aria-invalid", "false");
});

test("the copied document is the document that is sent", async ({ page, owner, context }) => {
  await context.grantPermissions(["clipboard-read", "clipboard-write"]);
  await dataset(owner, "penguins.csv");
  await visit(page, "/new");
  await page.getByRole("button", { name: "Plain descent" }).click();
  const code = page.getByRole("region", { name: "As code" });
  await code.getByRole("button", { name: "Copy" }).click();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText())) as object;
  expect(copied).toMatchObject({ ...CLASSIFY_PENGUINS, optimizer: { kind: "sgd", momentum: 0.9 } });
  expect((await owner.api.post("/v1/runs?dry_run=true", { data: copied })).status()).toBe(200);
  await code.getByRole("button", { name: "Python" }).click();
  await expect(code.locator("pre")).toContainText("client.runs.submit");
});

test("explanations are in the reader's language, and follow it", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  await visit(page, "/new");
  await expect(page.getByLabel("Batch size")).toHaveAccessibleDescription(/^Rows of one step\./);
  await page.getByLabel("Language").selectOption("ko");
  await expect(page.getByLabel("배치 크기")).toHaveAccessibleDescription(/^한 스텝에 쓰는 행 수입니다\./);
});

test("the page of a new run looks right", async ({ page, owner }) => {
  await dataset(owner, "penguins.csv");
  await visit(page, "/new");
  await photograph(page, "new-run", () => expect(page.locator(".outline")).toBeVisible());
});
