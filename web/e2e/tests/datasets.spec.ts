import { photograph } from "../harness/photograph.ts";
import { example } from "../harness/server.ts";
import { expect, test, visit } from "../harness/test.ts";

test("a file is uploaded with its progress, looked at, corrected and deleted", async ({ page, owner }) => {
  await visit(page, "/datasets");
  await expect(page.getByText("No datasets yet")).toBeVisible();
  await page.locator("input[type=file]").setInputFiles(example("penguins.csv"));
  await expect(page.getByRole("progressbar", { name: "Upload of penguins" })).toHaveAttribute("aria-valuenow", "100");
  await page.getByRole("link", { name: "Look at it" }).click();

  await expect(page.getByRole("heading", { level: 1, name: "penguins" })).toBeVisible();
  await expect(page.getByRole("img", { name: "Histogram of bill_length_mm" })).toBeVisible();
  const kind = page.getByLabel("Kind of year");
  await expect(kind).toHaveValue("integer");
  await kind.selectOption("categorical");
  await expect(page.getByText("year is now Categorical")).toBeVisible();
  const { data } = (await (await owner.api.get("/v1/datasets")).json()) as { data: { id: string; columns: { name: string; kind: string }[] }[] };
  expect(data[0]?.columns.find((column) => column.name === "year")?.kind).toBe("categorical");

  await page.getByRole("link", { name: "Rows" }).click();
  await expect(page.getByRole("cell", { name: "Torgersen" }).first()).toBeVisible();

  await page.getByRole("button", { name: "Delete" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Delete" }).click();
  await expect(page.getByText("No datasets yet")).toBeVisible();
});

test("somebody else's correction is not overwritten", async ({ page, owner, watch }) => {
  const made = await owner.api.post("/v1/datasets?name=shared", { data: "a,b\n1,x\n2,y\n3,x\n", headers: { "content-type": "text/csv" } });
  const { id } = (await made.json()) as { id: string };
  await visit(page, `/datasets/${id}`);
  await expect(page.getByLabel("Kind of a")).toBeVisible();
  const tag = (await owner.api.get(`/v1/datasets/${id}`)).headers().etag ?? "";
  const theirs = await owner.api.patch(`/v1/datasets/${id}`, { data: { columns: { b: "text" } }, headers: { "if-match": tag } });
  expect(theirs.status()).toBe(200);
  watch.expect(/412/);
  await page.getByLabel("Kind of a").selectOption("categorical");
  await expect(page.locator(".toast.bad")).toBeVisible();
  await expect(page.getByLabel("Kind of a")).toHaveValue("integer");
});

test("a file that cannot be read is refused at its line", async ({ page, watch }) => {
  watch.expect(/4(00|22).*\/v1\/datasets/);
  await visit(page, "/datasets");
  await page.locator("input[type=file]").setInputFiles({ name: "broken.csv", mimeType: "text/csv", buffer: Buffer.from('a,b\n1,2\n3,"four\n5,6\n') });
  await expect(page.getByRole("alert")).toContainText("line");
});

test("the pages of datasets look right", async ({ page, owner }) => {
  const csv = "age,city,income\n31,Seoul,12.5\n,Busan,oops\n29,Seoul,9\n44,Daegu,10.25\n";
  const made = await owner.api.post("/v1/datasets?name=people", { data: csv, headers: { "content-type": "text/csv" } });
  const { id } = (await made.json()) as { id: string };
  await visit(page, "/datasets");
  await photograph(page, "datasets");
  await visit(page, `/datasets/${id}`);
  await photograph(page, "dataset", () => expect(page.locator(".column")).toHaveCount(3));
});
