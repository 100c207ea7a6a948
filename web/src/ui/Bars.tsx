import type { ComponentChildren } from "preact";
import { number } from "../format";
import "./bars.css";

export interface BarRow {
  name: string;
  value: number | null;
  /** What stands at the end; the number itself by default. */
  text?: string;
  /** The one that the reader looks for. */
  strong?: boolean;
}

/**
 * Names with bars, as a list that reads as text too. Where a value is below zero the bars begin in the middle and go both
 * ways. `top` is the value of a full bar; by default the largest one.
 */
export function Bars({ label, rows, top, note }: { label: string; rows: BarRow[]; top?: number; note?: ComponentChildren }) {
  const sizes = rows.map((row) => Math.abs(row.value ?? 0));
  const full = top ?? Math.max(...sizes, Number.MIN_VALUE);
  const signed = rows.some((row) => (row.value ?? 0) < 0);
  return (
    <>
      <ul class={`bars${signed ? " signed" : ""}`} aria-label={label}>
        {rows.map((row) => {
          const part = Math.min(1, Math.abs(row.value ?? 0) / full);
          return (
            <li key={row.name} class={row.strong ? "strong" : undefined}>
              <span class="cut" title={row.name}>{row.name}</span>
              <div aria-hidden="true"><i class={(row.value ?? 0) < 0 ? "below" : undefined} style={{ transform: `scaleX(${part})` }} /></div>
              <b>{row.text ?? number(row.value)}</b>
            </li>
          );
        })}
      </ul>
      {note && <p class="soft small">{note}</p>}
    </>
  );
}
