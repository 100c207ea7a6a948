import { readRows } from "../../api/datasets";
import { useResource } from "../../api/resource";
import type { Rows } from "../../api/types";
import { count } from "../../format";
import { t } from "../../i18n";
import { Button } from "../../ui/Button";
import { Card } from "../../ui/Card";
import { Loaded } from "../../ui/State";
import { attempt } from "../../ui/Toast";

const PORTION = 40;

function isPicture(cell: string | null): boolean {
  return cell !== null && cell.startsWith("data:image/");
}

/** Pictures side by side, each with its other cells below. */
function Gallery({ rows, at }: { rows: Rows; at: number }) {
  return (
    <div class="gallery">
      {rows.data.map((row, idx) => (
        <figure key={idx}>
          <img class="picture" src={row[at] ?? ""} alt={t("datasets.picture", count(rows.offset + idx + 1))} />
          <figcaption class="cut soft">{row.filter((_, column) => column !== at).join(", ")}</figcaption>
        </figure>
      ))}
    </div>
  );
}

function Cells({ rows }: { rows: Rows }) {
  return (
    <div class="table-scroll rows-preview" tabIndex={0} role="region" aria-label={t("datasets.rows")}>
      <table class="table">
        <thead>
          <tr>
            <th scope="col" class="end">#</th>
            {rows.columns.map((name) => <th key={name} scope="col">{name}</th>)}
          </tr>
        </thead>
        <tbody>
          {rows.data.map((row, idx) => (
            <tr key={idx}>
              <td class="end soft">{count(rows.offset + idx + 1)}</td>
              {row.map((cell, column) => <td key={column}>{cell ?? <span class="soft">{t("datasets.empty_cell")}</span>}</td>)}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** The first rows as they stand in the file; images as pictures. */
export function Preview({ id }: { id: string }) {
  const rows = useResource(`rows ${id}`, (signal) => readRows(id, 0, PORTION, signal));
  const more = () => attempt(async () => {
    const before = rows.data;
    if (!before) return;
    const next = await readRows(id, before.offset + before.data.length, PORTION);
    rows.set({ ...before, data: [...before.data, ...next.data], has_more: next.has_more });
  });
  return (
    <Loaded from={rows} lines={10}>
      {(shown) => {
        const at = shown.data[0]?.findIndex(isPicture) ?? -1;
        return (
          <div class="stack">
            {at >= 0 ? <Card><Gallery rows={shown} at={at} /></Card> : <Card flush><Cells rows={shown} /></Card>}
            {shown.has_more && <div><Button onClick={() => void more()}>{t("shell.more")}</Button></div>}
          </div>
        );
      }}
    </Loaded>
  );
}
