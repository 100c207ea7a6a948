import { Check, Copy } from "lucide";
import { useState } from "preact/hooks";
import { t } from "../i18n";
import { Button } from "./Button";
import "./snippet.css";
import { toastProblem } from "./Toast";

/** A piece of code to take along. */
export function Snippet({ label, code }: { label: string; code: string }) {
  const [copied, setCopied] = useState<string>();
  const copy = async () => {
    try {
      await navigator.clipboard.writeText(code);
      setCopied(code);
    } catch {
      toastProblem(new Error(t("shell.copy_failed")));
    }
  };
  const done = copied === code;
  return (
    <figure class="snippet" aria-label={label}>
      {/* It scrolls by itself, also by keyboard. */}
      <pre tabIndex={0}><code>{code}</code></pre>
      <Button look="quiet" icon={done ? Check : Copy} label={t(done ? "shell.copied" : "shell.copy")} onClick={() => void copy()} />
    </figure>
  );
}
