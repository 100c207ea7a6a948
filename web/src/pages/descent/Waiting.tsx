import type { ComponentChildren } from "preact";
import { TrendingDown } from "lucide";
import type { Landscape, Surface } from "../../api/types";
import { t } from "../../i18n";
import { Bar } from "../../ui/Badge";
import { Card } from "../../ui/Card";
import { Empty, Notice, ProblemNotice, Skeleton } from "../../ui/State";
import type { Asking } from "./landscape";

type Ready = Landscape & { surface: Surface };

/** A landscape when it is there; before, how far it is, why it failed, or that nobody asked for one yet. */
export function Waiting({ asking, none, children }: { asking: Asking; none: string; children: (ready: Ready) => ComponentChildren }) {
  const { landscape, problem, busy } = asking;
  const ready = landscape?.status === "ready" && landscape.surface ? (landscape as Ready) : null;
  return (
    <>
      {problem && <ProblemNotice problem={problem} />}
      {landscape?.status === "failed" && <Notice look="bad" title={t("descent.failed")}>{landscape.reason}</Notice>}
      {busy && landscape && !landscape.terminal && (
        <Card title={t("descent.computing")}>
          <div class="stack tight">
            <Bar share={landscape.progress} label={t("descent.computing")} />
            <p class="soft small">{t("descent.computing_body")}</p>
          </div>
        </Card>
      )}
      {busy && !landscape && <Card><Skeleton lines={6} /></Card>}
      {!busy && !landscape && !problem && <Card><Empty icon={TrendingDown} title={t("descent.none")}>{none}</Empty></Card>}
      {ready && children(ready)}
    </>
  );
}
