import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import "./dialog.css";

interface DialogProps {
  title: string;
  onClose: () => void;
  /** Buttons at the end. */
  actions?: ComponentChildren;
  wide?: boolean;
  children?: ComponentChildren;
}

/** A question above the page. The browser keeps the focus inside, closes it on Escape and gives the focus back. */
export function Dialog({ title, onClose, actions, wide = false, children }: DialogProps) {
  const id = useId();
  const element = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    const dialog = element.current;
    dialog?.showModal();
    return () => dialog?.close();
  }, []);
  return (
    <dialog ref={element} class={`dialog${wide ? " wide" : ""}`} aria-labelledby={id} onClose={onClose} onClick={(event) => event.target === element.current && onClose()}>
      <div>
        <h2 id={id}>{title}</h2>
        {children}
        {actions && <footer>{actions}</footer>}
      </div>
    </dialog>
  );
}
