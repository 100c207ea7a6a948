import type { Resource } from "../../api/resource";
import type { Queue } from "../../api/types";
import { ago, count } from "../../format";
import { t } from "../../i18n";
import { to } from "../../router";
import { Card } from "../../ui/Card";
import { Loaded, Notice } from "../../ui/State";

/** Runs that wait: in which order, and when they are expected to begin. */
export function QueueCard({ queue }: { queue: Resource<Queue> }) {
  return (
    <Card title={t("home.queue")} actions={queue.data && <span class="soft small">{t("home.slots", count(queue.data.slots))}</span>}>
      <Loaded from={queue}>
        {({ data, draining }) => (
          <>
            {draining && <Notice look="warn">{t("home.draining")}</Notice>}
            {data.length === 0 ? (
              <p class="soft small">{t("home.queue_empty")}</p>
            ) : (
              <ol class="lines">
                {data.map((place) => (
                  <li key={place.run}>
                    <span class="cut"><span class="soft number">{place.position}.</span> <a href={to(`/runs/${place.run}`)}>{place.name}</a></span>
                    <span class="soft small">{place.estimated_start_at ? ago(place.estimated_start_at) : t("home.unknown_start")}</span>
                  </li>
                ))}
              </ol>
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
}
