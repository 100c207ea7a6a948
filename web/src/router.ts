// Where the reader is: the part of the URL behind `#`, so that the server needs no route for each page.
import { computed, signal } from "@preact/signals";

export interface Place {
  path: string;
  query: URLSearchParams;
}

function here(): Place {
  const [path = "", query = ""] = location.hash.replace(/^#/, "").split("?", 2);
  return { path: path === "" ? "/" : path, query: new URLSearchParams(query) };
}

const current = signal(here());
addEventListener("hashchange", () => {
  current.value = here();
});

export const place = computed(() => current.value);

/** The address of a page, ready for `href`. */
export function to(path: string, query: Record<string, string | undefined> = {}): string {
  const given = Object.entries(query).filter((pair): pair is [string, string] => pair[1] !== undefined && pair[1] !== "");
  const text = new URLSearchParams(given).toString();
  return `#${path}${text ? `?${text}` : ""}`;
}

/** Goes to a page, by default as a new entry of the history. */
export function go(path: string, query?: Record<string, string | undefined>, how: "push" | "replace" = "push"): void {
  const href = to(path, query);
  if (how === "push") location.hash = href;
  else {
    history.replaceState(null, "", href);
    current.value = here();
  }
}

/** The parameters of `path` where it fits `pattern` (`/runs/:id`), else null. */
export function match(pattern: string, path: string): Record<string, string> | null {
  const wanted = pattern.split("/");
  const given = path.split("/");
  if (wanted.length !== given.length) return null;
  const params: Record<string, string> = {};
  for (const [idx, part] of wanted.entries()) {
    const value = given[idx] as string;
    if (part.startsWith(":")) params[part.slice(1)] = decoded(value);
    else if (part !== value) return null;
  }
  return params;
}

function decoded(part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
}
