// Who is signed in. The browser holds a cookie that scripts cannot read, so the server is asked.
import { signal } from "@preact/signals";
import { Problem } from "./problem";

export interface Session {
  owner: string;
  scopes: string[];
}

/** `undefined` until the server was asked, `null` when nobody is signed in. */
export const session = signal<Session | null | undefined>(undefined);

export function signedOut(): void {
  session.value = null;
}

/** Asks the server once, at the start of the page. */
export async function readSession(): Promise<void> {
  const response = await fetch("/v1/session");
  if (response.ok) session.value = (await response.json()) as Session;
  else if (response.status === 401) session.value = null;
  else throw await Problem.of(response);
}

/** Exchanges a token, or the code of a one-time link, for the session's cookie. */
export async function signIn(credential: { token: string } | { code: string }): Promise<void> {
  const response = await fetch("/v1/session", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(credential),
  });
  if (!response.ok) throw await Problem.of(response);
  session.value = (await response.json()) as Session;
}

export async function signOut(): Promise<void> {
  const response = await fetch("/v1/session", { method: "DELETE" });
  if (!response.ok && response.status !== 401) throw await Problem.of(response);
  session.value = null;
}
