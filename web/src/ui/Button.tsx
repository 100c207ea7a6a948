import { type IconNode, LoaderCircle } from "lucide";
import type { ComponentChildren } from "preact";
import { Icon } from "./Icon";
import "./button.css";

type Look = "plain" | "primary" | "danger" | "quiet";

interface Common {
  look?: Look;
  icon?: IconNode;
  children?: ComponentChildren;
  /** What a button that shows only an icon is called. */
  label?: string;
}

function classes(look: Look, bare: boolean): string {
  return `button${look === "plain" ? "" : ` ${look}`}${bare ? " bare" : ""}`;
}

interface ButtonProps extends Common {
  onClick?: (event: MouseEvent) => void;
  type?: "button" | "submit";
  disabled?: boolean;
  /** While the action runs: the button cannot be pressed again and shows that something happens. */
  busy?: boolean;
  pressed?: boolean;
}

export function Button({ look = "plain", icon, label, busy = false, disabled = false, pressed, type = "button", onClick, children }: ButtonProps) {
  const shown = busy ? LoaderCircle : icon;
  return (
    <button type={type} class={classes(look, children === undefined)} disabled={disabled || busy} aria-busy={busy} aria-label={label} title={label} aria-pressed={pressed} onClick={onClick}>
      {shown && <Icon of={shown} size={16} />}
      {children}
    </button>
  );
}

/** A link that looks like a button: it goes somewhere, it does nothing. */
export function LinkButton({ href, look = "plain", icon, label, download, children }: Common & { href: string; download?: string }) {
  return (
    <a class={classes(look, children === undefined)} href={href} aria-label={label} title={label} download={download}>
      {icon && <Icon of={icon} size={16} />}
      {children}
    </a>
  );
}
