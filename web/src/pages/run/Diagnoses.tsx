import { GitFork, Stethoscope } from "lucide";
import { useState } from "preact/hooks";
import { useResource } from "../../api/resource";
import { forkRun, listDiagnoses } from "../../api/runs";
import type { Diagnosis, Run } from "../../api/types";
import { count } from "../../format";
import { t } from "../../i18n";
import { go } from "../../router";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Notice } from "../../ui/State";
import { attempt, toast } from "../../ui/Toast";
import { useEvents } from "./useRun";

function DiagnosisNotice({ of, run }: { of: Diagnosis; run: Run }) {
  const [busy, setBusy] = useState(false);
  const patch = of.remedy?.spec_patch;
  const apply = async () => {
    if (!patch) return;
    setBusy(true);
    await attempt(async () => {
      // Fresh weights: the remedy is judged by a training of its own.
      const next = await forkRun(run.id, patch, "scratch");
      toast(t("run.forked", next.name));
      go(`/runs/${next.id}`);
    });
    setBusy(false);
  };
  return (
    <li>
      <Notice look="warn" icon={Stethoscope} title={<>{of.code.replaceAll("_", " ")} {typeof of.step === "number" && <span class="soft small">{t("run.at_step", count(of.step))}</span>}</>}>
        <span>{of.message}</span>
        {of.remedy && <span><strong>{t("run.remedy")}</strong> {of.remedy.text}</span>}
        {patch && (
          <div class="row">
            <code class="cut">{JSON.stringify(patch)}</code>
            <Button icon={GitFork} busy={busy} onClick={() => void apply()}>{t("run.apply")}</Button>
          </div>
        )}
      </Notice>
    </li>
  );
}

/** What was noticed while the run trained; a remedy is one button away. */
export function Diagnoses({ run }: { run: Run }) {
  const diagnoses = useResource(`diagnoses ${run.id}`, (signal) => listDiagnoses(run.id, signal));
  useEvents(run.id, ["diagnosis"], diagnoses.reload);
  const found = diagnoses.data?.data ?? [];
  if (found.length === 0) return null;
  return (
    <Card title={t("run.diagnoses")}>
      <ul class="stack">{found.map((one) => <DiagnosisNotice key={one.seq} of={one} run={run} />)}</ul>
    </Card>
  );
}
