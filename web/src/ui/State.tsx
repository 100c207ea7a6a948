// What a page shows when there is nothing, not yet something, or something wrong.
import { CircleAlert, type IconNode, Inbox } from "lucide";
import type { ComponentChildren } from "preact";
import type { Problem } from "../api/problem";
import type { Resource } from "../api/resource";
import type { Violation } from "../api/types";
import { t } from "../i18n";
import { Button } from "./Button";
import { Icon } from "./Icon";
import "./state.css";

export function Empty({ title, children, icon = Inbox, actions }: { title: string; children?: ComponentChildren; icon?: IconNode; actions?: ComponentChildren }) {
  return (
    <div class="empty">
      <Icon of={icon} size={30} />
      <h3>{title}</h3>
      {children && <p>{children}</p>}
      {actions && <div class="row">{actions}</div>}
    </div>
  );
}

export function Skeleton({ lines = 3 }: { lines?: number }) {
  return (
    <div class="skeleton" role="status" aria-label={t("shell.loading")}>
      {Array.from({ length: lines }, (_, idx) => <span key={idx} />)}
    </div>
  );
}

export function Notice({ look = "plain", title, icon = CircleAlert, children }: { look?: "plain" | "bad" | "warn"; title?: ComponentChildren; icon?: IconNode; children?: ComponentChildren }) {
  return (
    <div class={`notice ${look}`} role={look === "bad" ? "alert" : undefined}>
      <Icon of={icon} />
      <div>
        {title && <strong>{title}</strong>}
        {children}
      </div>
    </div>
  );
}

/** Where a violation is: a pointer into the request, or a line and column of the file. */
function Where({ violation }: { violation: Violation }) {
  const { pointer, line, column } = violation;
  const parts = [pointer, line ? t("problem.line", line) : null, column ? t("problem.column", column) : null].filter(Boolean);
  return parts.length > 0 ? <code>{parts.join(", ")}</code> : null;
}

/** A problem with every violation at its place, in the server's words. */
export function ProblemNotice({ problem, retry }: { problem: Problem; retry?: () => void }) {
  const title = problem.status === 0 ? t("problem.unreachable") : problem.message;
  return (
    <Notice look="bad" title={title}>
      {problem.status === 0 && <span class="small">{problem.message}</span>}
      {problem.violations.length > 0 && (
        <ul>
          {problem.violations.map((violation, idx) => (
            <li key={idx}>
              <Where violation={violation} /> {violation.message}
            </li>
          ))}
        </ul>
      )}
      {problem.status >= 500 && problem.requestId && <span class="small soft">{t("problem.request", problem.requestId)}</span>}
      {retry && <div class="row"><Button onClick={retry}>{t("shell.try_again")}</Button></div>}
    </Notice>
  );
}

/** Shows what a resource holds: its data as soon as there is some, lines that shimmer before, the problem instead. */
export function Loaded<T>({ from, lines, children }: { from: Resource<T>; lines?: number; children: (data: T) => ComponentChildren }) {
  if (from.data !== undefined) return <>{children(from.data)}</>;
  if (from.problem) return <ProblemNotice problem={from.problem} retry={from.reload} />;
  return <Skeleton lines={lines} />;
}
