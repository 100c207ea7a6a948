// Light or dark: what the system says, until the reader says otherwise.
import { computed, effect, signal } from "@preact/signals";
import { remembered } from "./remembered";

export type Theme = "light" | "dark";
const kept = remembered<Theme>("theme", (value) => (value === "light" || value === "dark" ? value : null));
const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", (event) => {
  systemDark.value = event.matches;
});
const chosen = signal<Theme | null>(kept.read());

export const theme = computed<Theme>(() => chosen.value ?? (systemDark.value ? "dark" : "light"));

effect(() => {
  document.documentElement.dataset.theme = theme.value;
});

export function switchTheme(): void {
  const next = theme.value === "dark" ? "light" : "dark";
  kept.write(next);
  chosen.value = next;
}

/** A colour token (`--accent`) as the canvas of a chart needs it. */
export function colour(token: string): string {
  return getComputedStyle(document.documentElement).getPropertyValue(token).trim();
}
