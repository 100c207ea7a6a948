import type { Numbers } from "../../api/types";
import { number } from "../../format";
import { t } from "../../i18n";
import { Table } from "../../ui/Table";
import { seriesLabel } from "./Curves";

const PARTS = ["train", "validation", "test"] as const;

/** Every metric on every part of the rows. */
export function MetricTable({ metrics }: { metrics: Numbers }) {
  const names = [...new Set(Object.keys(metrics).map((name) => name.replace(/^(train|validation|test)_/, "")))];
  const there = PARTS.filter((part) => names.some((name) => `${part}_${name}` in metrics));
  return (
    <Table
      label={t("run.metrics")}
      rows={names}
      id={(name) => name}
      columns={[
        { head: t("run.metric"), cell: seriesLabel },
        ...there.map((part) => ({ head: t(`word.${part}`), end: true, cell: (name: string) => number(metrics[`${part}_${name}`]) })),
      ]}
    />
  );
}
