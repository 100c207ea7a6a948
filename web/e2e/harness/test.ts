// What every test gets: a server of its worker, an owner of its own on it, a browser signed in as that owner, and a page that fails
// the test when the console shows an error, a request fails, or axe-core finds a serious accessibility issue.
import { AxeBuilder } from "@axe-core/playwright";
import { type APIRequestContext, type Page, type Response, test as base, expect, request } from "@playwright/test";
import { Server } from "./server.ts";

export { expect };

/** A user of the server: owns nothing at first, and sees nothing of other tests. */
export interface Owner {
  name: string;
  token: string;
  /** Speaks the API as the owner's programs do. */
  api: APIRequestContext;
}

/** What went wrong on a page, unless the test said beforehand that it would. */
export class Watch {
  readonly problems: string[] = [];
  private readonly expected: RegExp[] = [];

  constructor(page: Page) {
    page.on("console", (message) => {
      if (message.type() === "error") this.add(`console: ${message.text()} (${message.location().url})`);
    });
    page.on("pageerror", (error) => this.add(`uncaught: ${error.stack ?? error.message}`));
    page.on("requestfailed", (failed) => {
      const why = failed.failure()?.errorText ?? "";
      // A page that is left, and one that stops listening, give up their own requests.
      if (why !== "net::ERR_ABORTED") this.add(`request: ${failed.method()} ${failed.url()} ${why}`);
    });
    page.on("response", (response) => {
      if (response.status() >= 400) this.add(`answer: ${response.status()} ${response.request().method()} ${response.url()}`);
    });
  }

  /** From here on lines that match are what the test is about: `answer: 401 POST .../v1/session`, and the browser's word for it. */
  expect(...patterns: RegExp[]): void {
    this.expected.push(...patterns);
  }

  private add(problem: string): void {
    if (!this.expected.some((pattern) => pattern.test(problem))) this.problems.push(problem);
  }
}

/** Nobody is signed in yet: the page asks who is, and is told. */
const NOBODY = /(answer: 401 GET|console: Failed to load resource.*401.*) \(?\S*\/v1\/session\)?$/;

interface Fixtures {
  /** An owner of this test alone. */
  owner: Owner;
  /** Whether `page` is signed in as `owner` from the start. */
  signedIn: boolean;
  /** Notes what goes wrong; at the end of the test there must be nothing. */
  watch: Watch;
}

export const test = base.extend<Fixtures, { server: Server }>({
  server: [
    // Playwright finds out what a fixture needs by its first parameter.
    // eslint-disable-next-line no-empty-pattern
    async ({}, use) => {
      const server = await Server.start();
      await use(server);
      await server.remove();
    },
    { scope: "worker" },
  ],

  baseURL: async ({ server }, use) => use(server.url),

  signedIn: [true, { option: true }],

  owner: async ({ server }, use, info) => {
    const admin = await request.newContext({ baseURL: server.url, extraHTTPHeaders: { authorization: `Bearer ${server.token}` } });
    const name = `test-${info.testId.slice(-12)}-${info.repeatEachIndex}`;
    const made = await admin.post("/v1/tokens", { data: { name: "browser test", owner: name, scopes: ["admin"] } });
    expect(made.status()).toBe(201);
    const { token } = (await made.json()) as { token: string };
    const api = await request.newContext({ baseURL: server.url, extraHTTPHeaders: { authorization: `Bearer ${token}` } });
    await use({ name, token, api });
    await api.dispose();
    await admin.dispose();
  },

  watch: async ({ page }, use) => {
    const watch = new Watch(page);
    watch.expect(NOBODY);
    await use(watch);
    expect(watch.problems, "the console and the network are quiet").toEqual([]);
    if (page.url().startsWith("http")) await accessible(page);
  },

  page: async ({ page, context, owner, signedIn }, use) => {
    if (signedIn) {
      const session = await context.request.post("/v1/session", { data: { token: owner.token } });
      expect(session.status()).toBe(200);
    }
    await use(page);
  },
});

// Every test of a page is watched, whether it asks for it or not.
test.beforeEach(({ watch }) => void watch);

/** Fails on what axe-core calls serious or critical. */
export async function accessible(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).analyze();
  const grave = violations.filter(({ impact }) => impact === "serious" || impact === "critical");
  const told = grave.map(({ id, impact, help, nodes }) => `${impact} ${id}: ${help}\n  ${nodes.map((node) => node.html).join("\n  ")}`);
  expect(told, "axe-core finds nothing serious").toEqual([]);
}

/** Opens a page of the dashboard: `visit(page, "/runs", { status: "failed" })`. */
export async function visit(page: Page, path: string, query: Record<string, string> = {}): Promise<Response | null> {
  const text = new URLSearchParams(query).toString();
  const response = await page.goto(`/#${path}${text ? `?${text}` : ""}`);
  await settled(page);
  return response;
}

/** Waits until nothing on the page is a placeholder and its fonts are there. */
export async function settled(page: Page): Promise<void> {
  await expect(page.locator("#app > *").first()).toBeVisible();
  await expect(page.locator(".skeleton, [aria-busy='true']")).toHaveCount(0);
  await page.evaluate(() => document.fonts.ready);
}
