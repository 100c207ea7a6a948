import { listRuns } from "../../api/runs";
import { useResource } from "../../api/resource";
import type { Run } from "../../api/types";
import { t } from "../../i18n";
import { SelectField } from "../../ui/Field";

/** Runs that this one may be compared with: those that were trained on the same dataset come first. */
export function useOthers(run: Run): Run[] | undefined {
  const all = useResource(`others ${run.id}`, (signal) => listRuns({ limit: 100 }, signal));
  const others = all.data?.data.filter((each) => each.id !== run.id && each.progress.step > 0 && each.family === run.family);
  const near = (each: Run) => (each.dataset.id === run.dataset.id ? 0 : 1);
  return others?.sort((a, b) => near(a) - near(b));
}

/** What distinguishes a run in a list of names that may be the same. */
export function named(run: Run): string {
  const { learning_rate } = (run.resolved_spec?.optimizer ?? run.spec.optimizer ?? {}) as { learning_rate?: number };
  const seed = ((run.resolved_spec?.training ?? run.spec.training ?? {}) as { seed?: number }).seed;
  return [run.name, learning_rate === undefined ? "" : `lr ${learning_rate}`, seed === undefined ? "" : `seed ${seed}`].filter(Boolean).join(" · ");
}

export function OtherRun({ others, value, onChange }: { others: Run[]; value: string; onChange: (id: string) => void }) {
  if (others.length === 0) return <p class="soft small">{t("descent.other_none")}</p>;
  return <SelectField label={t("descent.other")} hint={t("descent.other_hint")} value={value} options={others.map((each) => [each.id, named(each)] as const)} onChange={onChange} />;
}
