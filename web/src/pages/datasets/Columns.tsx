import { type Tagged, correctKind, readProfile } from "../../api/datasets";
import { useResource } from "../../api/resource";
import type { ColumnKind } from "../../api/types";
import { t } from "../../i18n";
import { Loaded } from "../../ui/State";
import { attempt, toast } from "../../ui/Toast";
import { ColumnCard } from "./ColumnCard";

/** The profile of every column, and the correction of what it was taken for. */
export function Columns({ of, onChanged }: { of: Tagged; onChanged: (next: Tagged) => void }) {
  const profile = useResource(`profile ${of.dataset.id}`, (signal) => readProfile(of.dataset.id, signal));
  const correct = async (column: string, kind: ColumnKind) => {
    await attempt(async () => {
      onChanged(await correctKind(of, column, kind));
      toast(t("datasets.corrected", column, t(`kind.${kind}`)));
    });
    // Also after a refusal, so that the select shows what is on record.
    profile.reload();
  };
  return (
    <Loaded from={profile} lines={12}>
      {(found) => (
        <div class="columns">
          {found.columns.map((column) => <ColumnCard key={column.name} column={column} rows={found.n_rows} onKind={(kind) => void correct(column.name, kind)} />)}
        </div>
      )}
    </Loaded>
  );
}
