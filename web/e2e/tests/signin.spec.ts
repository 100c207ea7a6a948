import { Server } from "../harness/server.ts";
import { photograph } from "../harness/photograph.ts";
import { expect, settled, test, visit } from "../harness/test.ts";

test.use({ signedIn: false });

test("the link of the first start signs in, once", async ({ page, browser }) => {
  const server = await Server.start();
  try {
    expect(server.link).toMatch(new RegExp(`^${server.url}/#/signin\\?code=[0-9a-f]{64}$`));
    await page.goto(server.link as string);
    await expect(page.getByRole("navigation").first()).toBeVisible();
    // The code is gone from the address, and the cookie is out of reach of scripts.
    expect(page.url()).toBe(`${server.url}/#/`);
    expect(await page.evaluate(() => document.cookie)).toBe("");
    const [cookie] = await page.context().cookies();
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: "Strict", path: "/" });

    const other = await browser.newContext();
    const again = await other.request.post(`${server.url}/v1/session`, { data: { code: new URL(server.link as string).hash.split("=")[1] } });
    expect(again.status()).toBe(401);
    await other.close();
  } finally {
    await server.remove();
  }
});

test("a restart of the server signs nobody out, and prints no link", async ({ page, watch }) => {
  let server = await Server.start();
  try {
    await page.goto(server.link as string);
    await settled(page);
    // The stream of events is cut, as it is meant to be.
    watch.expect(/ERR_(CONNECTION_(REFUSED|RESET)|INCOMPLETE_CHUNKED_ENCODING|EMPTY_RESPONSE)/, /TypeError: network error/);
    server = await server.restart("SIGKILL");
    expect(server.link).toBeUndefined();
    await page.reload();
    await settled(page);
    await expect(page.getByRole("navigation").first()).toBeVisible();
  } finally {
    await server.remove();
  }
});

test("a token signs in, and signing out ends it", async ({ page, owner, watch }) => {
  await visit(page, "/");
  const field = page.locator("input[type=password]");
  const enter = page.locator("button[type=submit]");
  watch.expect(/401.*\/v1\/session/);
  await field.fill("dsc_wrong");
  await enter.click();
  await expect(page.getByRole("alert")).toBeVisible();
  await field.fill(owner.token);
  await enter.click();
  await expect(page.getByRole("navigation").first()).toBeVisible();
  await page.reload();
  await expect(page.getByRole("navigation").first()).toBeVisible();

  await page.getByRole("button", { name: "Sign out" }).click();
  await expect(field).toBeVisible();
  expect(await page.context().cookies()).toEqual([]);
});

test("a token that is revoked ends the session at once", async ({ page, owner, server, watch }) => {
  await page.context().request.post("/v1/session", { data: { token: owner.token } });
  await visit(page, "/");
  await expect(page.getByRole("navigation").first()).toBeVisible();
  const id = owner.token.split("_")[1];
  const revoked = await page.context().request.delete(`/v1/tokens/${id}`, { headers: { authorization: `Bearer ${server.token}` } });
  expect(revoked.status()).toBe(204);
  watch.expect(/ 401 /, /status of 401/);
  await page.reload();
  await expect(page.locator("input[type=password]")).toBeVisible();
});

test("the sign-in page in every look", async ({ page }) => {
  await visit(page, "/");
  await photograph(page, "signin");
});
