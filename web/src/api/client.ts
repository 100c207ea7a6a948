// The one way to the server: the contract's routes with the contract's types. The session is a cookie that scripts cannot read.
import createClient from "openapi-fetch";
import { Problem } from "./problem";
import { retrying } from "./retry";
import { signedOut } from "./session";
import type { Page, paths } from "./types";

export const api = createClient<paths>({
  baseUrl: location.origin,
  credentials: "same-origin",
  // A list is one parameter, separated by commas: the server refuses a parameter that is given twice.
  querySerializer: { array: { style: "form", explode: false } },
  fetch: retrying(fetch.bind(globalThis)),
});

interface Answer<T> {
  data?: T;
  error?: unknown;
  response: Response;
}

/** The body of a success; everything else is thrown as a `Problem`. A 401 leads back to the sign-in page. */
export async function ok<T>(call: Promise<Answer<T>>): Promise<T> {
  return (await answered(call)).data as T;
}

/** Body and headers of a success, for what needs the `ETag`. */
export async function answered<T>(call: Promise<Answer<T>>): Promise<{ data: T; response: Response }> {
  let answer: Answer<T>;
  try {
    answer = await call;
  } catch (error) {
    if (error instanceof DOMException && error.name === "AbortError") throw error;
    throw Problem.from(error);
  }
  const { data, error, response } = answer;
  if (response.ok) return { data: data as T, response };
  if (response.status === 401) signedOut();
  throw Problem.parse(response.status, typeof error === "string" ? error : JSON.stringify(error));
}

/** Headers that make a creating request happen once, however often it is sent. One call of this is one effect. */
export function once(): { "Idempotency-Key": string } {
  return { "Idempotency-Key": crypto.randomUUID() };
}

/** Every item of a list, page after page, at most `limit` of them. */
export async function every<T>(page: (after: string | undefined) => Promise<Page<T>>, limit = 1000): Promise<T[]> {
  const items: T[] = [];
  let after: string | undefined;
  do {
    const { data, has_more, last_id } = await page(after);
    items.push(...data);
    after = has_more && items.length < limit ? (last_id ?? undefined) : undefined;
  } while (after !== undefined);
  return items;
}
