import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Button } from "./Button";
import { Dialog } from "./Dialog";
import { attempt } from "./Toast";

interface ConfirmProps {
  title: string;
  /** What cannot be undone. */
  children: ComponentChildren;
  action: () => Promise<unknown>;
  onClose: () => void;
  /** After it was done. */
  onDone: () => void;
}

/** Asks before something is deleted. */
export function ConfirmDelete({ title, children, action, onClose, onDone }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const go = async () => {
    setBusy(true);
    const done = await attempt(action);
    onClose();
    if (done) onDone();
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      actions={
        <>
          <Button onClick={onClose}>{t("shell.cancel")}</Button>
          <Button look="danger" busy={busy} onClick={() => void go()}>{t("shell.delete")}</Button>
        </>
      }
    >
      <p>{children}</p>
    </Dialog>
  );
}
