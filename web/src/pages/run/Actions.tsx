import { Ban, GitFork, Pause, Play, RefreshCw, RotateCcw, Trash2 } from "lucide";
import { useState } from "preact/hooks";
import { act, again, type Action, deleteRun } from "../../api/runs";
import type { Run, Status } from "../../api/types";
import { t } from "../../i18n";
import { hold } from "../../live/runs";
import { go, to } from "../../router";
import { Button, LinkButton } from "../../ui/Button";
import { ConfirmDelete } from "../../ui/Confirm";
import { attempt, toast } from "../../ui/Toast";

/** The states in which each action makes sense; the server decides, and says why where it refuses. */
const POSSIBLE: Record<Action, Status[]> = {
  pause: ["queued", "preparing", "running"],
  resume: ["paused", "pausing"],
  cancel: ["queued", "preparing", "running", "pausing", "paused"],
};
const ICONS = { pause: Pause, resume: Play, cancel: Ban };

/** What can be done with a run in its present state. */
export function Actions({ run }: { run: Run }) {
  const [busy, setBusy] = useState<string>();
  const [deleting, setDeleting] = useState(false);
  const during = async (name: string, action: () => Promise<void>) => {
    setBusy(name);
    await attempt(action);
    setBusy(undefined);
  };
  const move = (action: Action) => during(action, async () => void hold(await act(run.id, action)));
  const repeat = (how: "retry" | "reproduce") => during(how, async () => {
    const next = await again(run.id, how);
    toast(t(how === "retry" ? "run.retried" : "run.reproducing"));
    go(`/runs/${next.id}`);
  });
  return (
    <>
      {(["resume", "pause", "cancel"] as const).map((action) =>
        POSSIBLE[action].includes(run.status) ? (
          <Button key={action} look={action === "cancel" ? "danger" : "plain"} icon={ICONS[action]} busy={busy === action} onClick={() => void move(action)}>{t(`run.${action}`)}</Button>
        ) : null,
      )}
      {run.terminal && (
        <>
          <Button icon={RotateCcw} busy={busy === "retry"} onClick={() => void repeat("retry")}>{t("run.retry")}</Button>
          {run.model && <Button icon={RefreshCw} busy={busy === "reproduce"} onClick={() => void repeat("reproduce")}>{t("run.reproduce")}</Button>}
        </>
      )}
      <LinkButton icon={GitFork} href={to("/new", { from: run.id })}>{t("run.change_and_run")}</LinkButton>
      {run.terminal && <Button look="danger" icon={Trash2} label={t("shell.delete")} onClick={() => setDeleting(true)} />}
      {deleting && (
        <ConfirmDelete title={t("run.delete_title", run.name)} action={() => deleteRun(run.id)} onClose={() => setDeleting(false)} onDone={() => go("/runs")}>
          {t("run.delete_body")}
        </ConfirmDelete>
      )}
    </>
  );
}
