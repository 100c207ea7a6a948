import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Check } from "./Field";

/** How curves are looked at; charts of one page share it. */
export interface View {
  log: boolean;
  /** Weight of the past in the moving average, from 0 to below 1. */
  smoothing: number;
}

export function useView(smoothing = 0): [View, (next: Partial<View>) => void] {
  const [view, setView] = useState<View>({ log: false, smoothing });
  return [view, (next) => setView((before) => ({ ...before, ...next }))];
}

export function ViewControls({ view, onChange }: { view: View; onChange: (next: Partial<View>) => void }) {
  return (
    <div class="row view-controls">
      <Check label={t("chart.log")} checked={view.log} onChange={(log) => onChange({ log })} />
      <label class="check">
        <span>{t("chart.smoothing")}</span>
        <input type="range" min={0} max={0.99} step={0.01} value={view.smoothing} onInput={(event) => onChange({ smoothing: Number(event.currentTarget.value) })} />
        <output class="soft number">{view.smoothing.toFixed(2)}</output>
      </label>
    </div>
  );
}
