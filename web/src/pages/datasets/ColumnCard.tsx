import type { ColumnKind, ColumnProfile } from "../../api/types";
import { count, number, percent } from "../../format";
import { t } from "../../i18n";
import { Facts } from "../../ui/Card";
import { Histogram, TopValues } from "./Histogram";

const KINDS: ColumnKind[] = ["numeric", "integer", "categorical", "boolean", "timestamp", "text"];

function KindSelect({ column, onChange }: { column: ColumnProfile; onChange: (kind: ColumnKind) => void }) {
  // What an array is follows from the file; nothing else could be made of it.
  if (column.kind === "array") return <span class="tag">{t("kind.array")}</span>;
  return (
    <select class="input" aria-label={t("datasets.kind_of", column.name)} value={column.kind} onChange={(event) => onChange(event.currentTarget.value as ColumnKind)}>
      {KINDS.map((kind) => <option key={kind} value={kind}>{t(`kind.${kind as Exclude<ColumnKind, "array">}`)}</option>)}
    </select>
  );
}

/** Cells that do not fit the kind, at their lines in the file. */
function BadCells({ column }: { column: ColumnProfile }) {
  if (column.n_bad === 0) return null;
  return (
    <ul class="bad-cells">
      <li>{t("datasets.bad", count(column.n_bad), t(`kind.${column.kind}`))}</li>
      {column.bad_cells.map((cell) => (
        <li key={cell.line}>
          {t("problem.line", cell.line)}: <code>{cell.value}</code>
        </li>
      ))}
    </ul>
  );
}

function facts(column: ColumnProfile, rows: number): [string, string][] {
  const found: [string, string][] = column.sample
    ? [[t("datasets.shape"), column.sample.shape.join(" × ")]]
    : [[t("datasets.distinct"), `${column.distinct.exact ? "" : "≈ "}${count(column.distinct.n)}`]];
  found.push([t("datasets.missing"), column.n_missing === 0 ? "0" : `${count(column.n_missing)} (${percent(column.n_missing / rows)})`]);
  if (typeof column.mean === "number") found.push([t("datasets.mean"), number(column.mean)], [t("datasets.std"), number(column.std)]);
  return found;
}

/** A column: what it was taken for and why, how its values are spread, what is wrong in it. */
export function ColumnCard({ column, rows, onKind }: { column: ColumnProfile; rows: number; onKind: (kind: ColumnKind) => void }) {
  return (
    <section class="card column" aria-label={column.name}>
      <header>
        <div>
          <h3 class="cut" title={column.name}>{column.name}</h3>
          <KindSelect column={column} onChange={onKind} />
        </div>
        <p class="why">{column.why}</p>
      </header>
      {column.histogram ? <Histogram of={column.histogram} name={column.name} /> : column.top_values.length > 0 && <TopValues of={column.top_values} rows={rows} />}
      <Facts of={facts(column, rows)} />
      <BadCells column={column} />
    </section>
  );
}
