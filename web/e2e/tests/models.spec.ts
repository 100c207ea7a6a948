import { readFile } from "node:fs/promises";
import { photograph } from "../harness/photograph.ts";
import { example } from "../harness/server.ts";
import { expect, test, visit } from "../harness/test.ts";
import { digits, STROKES, trained } from "../harness/toys.ts";
import type { Page } from "@playwright/test";

/** Draws the strokes of a digit on the sheet, as a hand would. */
async function draw(page: Page, digit: string): Promise<void> {
  const sheet = page.getByRole("application");
  await sheet.scrollIntoViewIfNeeded();
  const box = (await sheet.boundingBox()) as { x: number; y: number; width: number; height: number };
  const places = (STROKES[digit] as [number, number][]).map(([x, y]): [number, number] => [box.x + x * box.width, box.y + y * box.height]);
  await page.mouse.move(...(places[0] as [number, number]));
  await page.mouse.down();
  for (const place of places) await page.mouse.move(...place, { steps: 4 });
  await page.mouse.up();
}

test("a digit that is drawn is told, and which parts of it mattered", async ({ page, owner }) => {
  await digits(owner.api, "handwriting");
  await visit(page, "/models/handwriting");
  for (const digit of ["7", "0", "1"]) {
    await draw(page, digit);
    await expect(page.locator(".said")).toHaveText(digit);
    await page.getByRole("button", { name: "Clear" }).click();
    await expect(page.locator(".said")).toHaveCount(0);
  }
  await draw(page, "7");
  await page.getByRole("button", { name: "Show which parts mattered" }).click();
  await expect(page.locator(".parts i")).toHaveCount(49);

  await page.getByRole("button", { name: "A row of the data" }).click();
  await expect(page.getByText(/^The data says: [017]$/)).toBeVisible();
});

test("the sheet can be drawn on by keys alone", async ({ page, owner }) => {
  await digits(owner.api, "keys");
  await visit(page, "/models/keys");
  const sheet = page.getByRole("application");
  await sheet.focus();
  // A one: up, pen down, all the way down.
  for (let i = 0; i < 7; i++) await sheet.press("ArrowUp");
  await sheet.press(" ");
  for (let i = 0; i < 14; i++) await sheet.press("ArrowDown");
  await expect(page.locator(".said")).toHaveText("1");
  await sheet.press("Delete");
  await expect(page.locator(".said")).toHaveCount(0);
});

test("a form made from the model asks it, explains it and says what is wrong", async ({ page, owner, watch }) => {
  test.slow();
  const penguins = await readFile(example("penguins.csv"));
  await owner.api.post("/v1/datasets?name=penguins", { headers: { "content-type": "text/csv" }, data: penguins });
  const spec = { name: "which-penguin", dataset: "penguins", task: { kind: "classification", target: "species" }, training: { epochs: 30, seed: 7 } };
  await trained(owner.api, spec);
  await trained(owner.api, { ...spec, training: { epochs: 5, seed: 8 } });

  await visit(page, "/models");
  await page.getByRole("link", { name: "which-penguin" }).click();
  await page.getByLabel("Version", { exact: true }).selectOption("1");
  await page.getByRole("combobox", { name: "island" }).selectOption("Biscoe");
  for (const [name, value] of [["bill_length_mm", "47.5"], ["bill_depth_mm", "15"], ["flipper_length_mm", "218"], ["body_mass_g", "5000"]] as const) {
    await page.getByRole("textbox", { name }).fill(value);
  }
  await expect(page.locator(".said")).toHaveText("Gentoo");
  await expect(page.getByRole("list", { name: "Which inputs mattered" }).getByRole("listitem")).toHaveCount(7);
  await expect(page.getByRole("figure", { name: "The same with curl" })).toContainText('"bill_length_mm":47.5');

  watch.expect(/422.*predict/, /status of 422/);
  await page.getByRole("textbox", { name: "body_mass_g" }).fill("heavy");
  await expect(page.getByText(/heavy/).first()).toBeVisible();
  await page.getByRole("textbox", { name: "body_mass_g" }).fill("5000");
  await expect(page.locator(".said")).toHaveText("Gentoo");

  // An alias is given, moved, and taken away.
  const versions = page.getByRole("region", { name: "Versions" }).last();
  const row = (version: string) => versions.getByRole("row").filter({ has: page.getByRole("link", { name: version, exact: true }) });
  for (const version of ["1", "2"]) {
    await row(version).getByRole("button", { name: "Alias", exact: true }).click();
    await page.getByRole("dialog").getByLabel("Alias").fill("production");
    await page.getByRole("dialog").getByRole("button", { name: "Set", exact: true }).click();
    await expect(row(version)).toContainText("production");
    await expect(versions.getByText("production")).toHaveCount(1);
  }
  await versions.getByRole("button", { name: "Remove the alias production" }).click();
  await expect(versions.getByText("production")).toHaveCount(0);
});

test("models in every look", async ({ page, owner }) => {
  await digits(owner.api, "looks");
  await visit(page, "/models");
  await photograph(page, "models");
  await visit(page, "/models/looks");
  await photograph(page, "model", async () => {
    await draw(page, "7");
    await expect(page.locator(".said")).toHaveText("7");
  });
});
