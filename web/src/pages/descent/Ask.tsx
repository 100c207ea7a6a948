import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";
import { t } from "../../i18n";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { SelectField } from "../../ui/Field";

export interface Fineness {
  resolution: number;
  samples: number;
}

const numbers = (all: number[]) => all.map((n) => [String(n), String(n)] as const);

/** The form above every landscape: how fine, over how many rows, and what the view itself adds. */
export function Ask({ busy, disabled = false, onAsk, children }: { busy: boolean; disabled?: boolean; onAsk: (fineness: Fineness) => void; children?: ComponentChildren }) {
  const [resolution, setResolution] = useState("51");
  const [samples, setSamples] = useState("1000");
  return (
    <Card title={t("descent.asking")}>
      <form
        class="stack"
        onSubmit={(event) => {
          event.preventDefault();
          onAsk({ resolution: Number(resolution), samples: Number(samples) });
        }}
      >
        {children}
        <div class="ask-fine">
          <SelectField label={t("descent.resolution")} value={resolution} options={numbers([21, 31, 51, 71, 101])} onChange={setResolution} />
          <SelectField label={t("descent.samples")} value={samples} options={numbers([100, 300, 1000, 3000, 10000])} onChange={setSamples} />
        </div>
        <Button type="submit" look="primary" busy={busy} disabled={disabled}>{t("descent.compute")}</Button>
      </form>
    </Card>
  );
}
