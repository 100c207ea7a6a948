import { useResource } from "../../api/resource";
import { every } from "../../api/client";
import { listLogs } from "../../api/runs";
import { time } from "../../format";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Empty, Loaded } from "../../ui/State";
import { useEvents } from "./useRun";

/** What the run wrote, oldest first. */
export function Log({ id }: { id: string }) {
  const lines = useResource(`logs ${id}`, (signal) => every((after) => listLogs(id, after, signal)));
  useEvents(id, ["log", "done"], lines.reload);
  return (
    <Card>
      <Loaded from={lines} lines={6}>
        {(shown) =>
          shown.length === 0 ? (
            <Empty title={t("run.no_log")} />
          ) : (
            <ol class="log" tabIndex={0} aria-label={t("run.log")}>
              {shown.map((line) => (
                <li key={line.seq}>
                  <time class="soft" dateTime={line.ts} title={time(line.ts)}>{line.ts.slice(11, 19)}</time>
                  <span>{line.message ?? ""}</span>
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
    </Card>
  );
}
