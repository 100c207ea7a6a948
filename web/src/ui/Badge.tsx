import type { Status } from "../api/types";
import { t } from "../i18n";
import "./badge.css";

const looks: Record<Status, string> = {
  queued: "",
  preparing: "accent moving",
  running: "accent moving",
  finalizing: "accent moving",
  pausing: "warn moving",
  paused: "warn",
  cancelling: "warn moving",
  succeeded: "good",
  failed: "bad",
  cancelled: "",
};

/** The state of a run, told by word and colour. */
export function StatusBadge({ status }: { status: Status }) {
  return <span class={`badge ${looks[status]}`}>{t(`status.${status}`)}</span>;
}

/** How much of something is done; `share` is between 0 and 1. */
export function Bar({ share, label, look = "" }: { share: number; label: string; look?: "" | "good" | "bad" }) {
  const part = Math.min(1, Math.max(0, share));
  return (
    <div class={`bar ${look}`} role="progressbar" aria-label={label} aria-valuemin={0} aria-valuemax={100} aria-valuenow={Math.round(part * 100)}>
      <div style={{ transform: `scaleX(${part})` }} />
    </div>
  );
}
