import { photograph } from "../harness/photograph.ts";
import { expect, test, visit } from "../harness/test.ts";
import { clouds, cloudRun, trained } from "../harness/toys.ts";

test("a sweep starts from a run, goes on while one watches, and says what was best and what mattered", async ({ page, owner }) => {
  test.slow();
  await clouds(owner.api, "clouds");
  const base = await trained(owner.api, cloudRun("clouds", "base", 1));
  await visit(page, "/sweeps");
  await expect(page.getByText("No sweeps yet")).toBeVisible();
  await visit(page, "/sweeps/new", { run: base });
  await page.getByLabel("Name").fill("which-rate");
  await page.getByLabel("Trials").fill("12");
  await page.getByLabel("Strategy").selectOption("random");
  await page.getByRole("button", { name: "Start" }).click();

  await expect(page.getByRole("heading", { name: "which-rate" })).toBeVisible();
  await expect(page.getByText("12 of 12 finished")).toBeVisible({ timeout: 90_000 });
  await expect(page.getByText("Completed")).toBeVisible();
  const results = page.getByRole("region", { name: "Results" }).last();
  await expect(results.getByRole("row")).toHaveCount(13);
  await expect(page.getByRole("list", { name: "What mattered" }).getByRole("listitem")).toHaveCount(2);
  // The best of the page is the least of the server.
  const { data: [sweep] } = (await (await owner.api.get("/v1/sweeps")).json()) as { data: { best: { value: number } }[] };
  const best = Number(await page.locator(".sweep-best").innerText());
  expect(Math.abs(best / (sweep?.best.value as number) - 1)).toBeLessThan(0.01);

  // A marked part of an axis keeps the rows that cross it.
  const axis = page.locator(".parallel .hand").last();
  const box = (await axis.boundingBox()) as { x: number; y: number; width: number; height: number };
  await page.mouse.move(box.x + box.width / 2, box.y + box.height - 8);
  await page.mouse.down();
  await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2, { steps: 5 });
  await page.mouse.up();
  await expect(page.getByText(/^\d+ of 12 marked$/)).toBeVisible();
  expect(await results.getByRole("row").count()).toBeLessThan(13);
  await page.getByRole("button", { name: "Show all" }).click();
  await expect(results.getByRole("row")).toHaveCount(13);

  await page.getByRole("button", { name: "Enlarge" }).click();
  await page.getByRole("dialog").getByLabel("Trials").fill("14");
  await page.getByRole("dialog").getByRole("button", { name: "Enlarge" }).click();
  await expect(page.getByText("14 of 14 finished")).toBeVisible({ timeout: 60_000 });
  await photograph(page, "sweep", async () => {
    await expect(page.locator(".sweep-best")).toBeVisible();
  });
});

test("what is wrong with a search stands at its field", async ({ page, owner, watch }) => {
  await clouds(owner.api, "clouds");
  const base = await trained(owner.api, cloudRun("clouds", "base", 1));
  await visit(page, "/sweeps/new", { run: base });
  watch.expect(/422.*sweeps/, /status of 422/);
  await page.getByLabel("From", { exact: true }).first().fill("5");
  await page.getByLabel("To", { exact: true }).first().fill("1");
  await page.getByRole("button", { name: "Start" }).click();
  await expect(page.locator(".domain-error")).toBeVisible();
  await photograph(page, "new-sweep");
});
