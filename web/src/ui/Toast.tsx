// Short words about what just happened. A failure stays until it is closed.
import { signal } from "@preact/signals";
import { X } from "lucide";
import { Problem } from "../api/problem";
import { t } from "../i18n";
import { Icon } from "./Icon";
import "./toast.css";

interface Message {
  id: number;
  text: string;
  bad: boolean;
}

const shown = signal<Message[]>([]);
let last = 0;

function dismiss(id: number): void {
  shown.value = shown.value.filter((message) => message.id !== id);
}

export function toast(text: string): void {
  const id = ++last;
  shown.value = [...shown.value, { id, text, bad: false }];
  setTimeout(() => dismiss(id), 4000);
}

/** Says what failed, with the server's own words. */
export function toastProblem(error: unknown): void {
  const problem = Problem.from(error);
  const first = problem.violations[0]?.message;
  shown.value = [...shown.value, { id: ++last, text: first ? `${problem.message}: ${first}` : problem.message, bad: true }];
}

/** Does something and says so when it failed; answers whether it went well. */
export async function attempt(action: () => Promise<unknown>): Promise<boolean> {
  try {
    await action();
    return true;
  } catch (error) {
    toastProblem(error);
    return false;
  }
}

export function Toasts() {
  return (
    <div class="toasts" role="status" aria-live="polite">
      {shown.value.map((message) => (
        <div key={message.id} class={`toast${message.bad ? " bad" : ""}`}>
          <span>{message.text}</span>
          <button type="button" aria-label={t("shell.close")} onClick={() => dismiss(message.id)}><Icon of={X} size={16} /></button>
        </div>
      ))}
    </div>
  );
}
