// What the server promises a browser, seen from inside one.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, test, visit } from "../harness/test.ts";

test("the page may load nothing from elsewhere and run no script of others", async ({ page, watch }) => {
  const response = await visit(page, "/");
  const headers = response?.headers() ?? {};
  expect(headers["content-security-policy"]).toContain("default-src 'self'");
  expect(headers["content-security-policy"]).not.toContain("unsafe");
  expect(headers["referrer-policy"]).toBe("no-referrer");
  expect(headers["x-content-type-options"]).toBe("nosniff");
  watch.expect(/Content Security Policy/, /ERR_BLOCKED_BY_CSP/);
  const ran = await page.evaluate(async () => {
    const inline = document.createElement("script");
    inline.textContent = "window.ranInline = true";
    document.body.append(inline);
    const elsewhere = await fetch("http://127.0.0.1:9/").then(
      () => "answered",
      () => "blocked",
    );
    return { inline: "ranInline" in window, elsewhere };
  });
  expect(ran).toEqual({ inline: false, elsewhere: "blocked" });
});

test("the dashboard's files are packed and kept", async ({ page, context, server }) => {
  await visit(page, "/");
  const scripts = await page.locator("script[src]").evaluateAll((found) => found.map((script) => (script as HTMLScriptElement).src));
  expect(scripts.length).toBeGreaterThan(0);
  for (const url of scripts) {
    expect(url).toContain(`${server.url}/assets/`);
    const file = await context.request.get(url);
    expect(file.headers()["content-encoding"]).toBe("gzip");
    expect(file.headers()["cache-control"]).toBe("public, max-age=31536000, immutable");
    const known = await context.request.get(url, { headers: { "if-none-match": file.headers()["etag"] as string } });
    expect(known.status()).toBe(304);
  }
});

test("a page of another port on this machine cannot use the session", async ({ page, owner, server, watch }) => {
  // The browser counts it as the same site and sends the cookie along; a body of plain text needs no leave of the server's.
  const another = createServer((_, answer) => answer.setHeader("content-type", "text/html").end("<html lang=en><title>another</title>"));
  await new Promise<void>((listening) => another.listen(0, "127.0.0.1", listening));
  const upload = () =>
    page.evaluate(async (url) => {
      const table = Array.from({ length: 20 }, (_, i) => `${i},${i * i}`).join("\n");
      return fetch(`${url}/v1/datasets?name=forged`, { method: "POST", credentials: "include", mode: "no-cors", body: `a,b\n${table}\n` }).then(
        (response) => response.status,
        () => "unread",
      );
    }, server.url);
  const names = async () => {
    const list = (await (await owner.api.get("/v1/datasets")).json()) as { data: { name: string }[] };
    return list.data.map(({ name }) => name);
  };

  watch.expect(/403/, /ERR_BLOCKED_BY_ORB/, /favicon/);
  await page.goto(`http://127.0.0.1:${(another.address() as AddressInfo).port}/`);
  const refused = page.waitForResponse((response) => response.url().includes("name=forged"));
  await upload();
  // Without the cookie it would be 401: the browser did send it.
  expect((await refused).status()).toBe(403);
  expect(await names()).toEqual([]);
  another.close();
  // The very same from the dashboard's own page.
  await visit(page, "/");
  expect(await upload()).toBe(201);
  expect(await names()).toEqual(["forged"]);
});
