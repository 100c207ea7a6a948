// Numbers, sizes and times as the reader's language writes them. Formatters are made once per language.
import { language } from "./i18n";
import type { Language } from "./i18n/entry";

function perLanguage<T>(make: (language: Language) => T): () => T {
  const made = new Map<Language, T>();
  return () => {
    const now = language.value;
    const formatter = made.get(now) ?? make(now);
    made.set(now, formatter);
    return formatter;
  };
}

const grouped = perLanguage((l) => new Intl.NumberFormat(l, { maximumFractionDigits: 0 }));
const short = perLanguage((l) => new Intl.NumberFormat(l, { maximumSignificantDigits: 4, useGrouping: false }));
const compacted = perLanguage((l) => new Intl.NumberFormat(l, { notation: "compact", maximumSignificantDigits: 3 }));
const shared = perLanguage((l) => new Intl.NumberFormat(l, { style: "percent", maximumFractionDigits: 1 }));
const moment = perLanguage((l) => new Intl.DateTimeFormat(l, { dateStyle: "medium", timeStyle: "short" }));
const relative = perLanguage((l) => new Intl.RelativeTimeFormat(l, { numeric: "auto", style: "short" }));

/** A count: 12,345. */
export function count(n: number): string {
  return grouped().format(n);
}

/** A measured number with four digits that say something; an en dash where there is none. */
export function number(value: number | null | undefined): string {
  if (value === null || value === undefined || !Number.isFinite(value)) return "–";
  const size = Math.abs(value);
  if (size !== 0 && (size < 1e-3 || size >= 1e6)) return value.toExponential(2).replace("e+", "e");
  return short().format(value);
}

export function compact(n: number): string {
  return compacted().format(n);
}

/** A share of one as a percentage. */
export function percent(share: number): string {
  return shared().format(share);
}

export function bytes(n: number): string {
  const units = ["B", "KB", "MB", "GB", "TB"];
  const power = Math.min(units.length - 1, n > 0 ? Math.floor(Math.log(n) / Math.log(1024)) : 0);
  const value = n / 1024 ** power;
  return `${power === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[power]}`;
}

/** A length of time: 850 ms, 12 s, 3 min 20 s, 2 h 5 min. */
export function duration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = Math.round(ms / 1000);
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return seconds % 60 ? `${minutes} min ${seconds % 60} s` : `${minutes} min`;
  return minutes % 60 ? `${Math.floor(minutes / 60)} h ${minutes % 60} min` : `${Math.floor(minutes / 60)} h`;
}

export function time(rfc3339: string): string {
  return moment().format(new Date(rfc3339));
}

/** How long ago, in words. */
export function ago(rfc3339: string, now = Date.now()): string {
  const seconds = (Date.parse(rfc3339) - now) / 1000;
  const steps: [Intl.RelativeTimeFormatUnit, number][] = [["second", 60], ["minute", 60], ["hour", 24], ["day", 30], ["month", 12]];
  let value = seconds;
  for (const [unit, next] of steps) {
    if (Math.abs(value) < next) return relative().format(Math.round(value), unit);
    value /= next;
  }
  return relative().format(Math.round(value), "year");
}
