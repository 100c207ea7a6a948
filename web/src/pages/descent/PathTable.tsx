import { useState } from "preact/hooks";
import { count, number } from "../../format";
import { t } from "../../i18n";
import { Card } from "../../ui/Card";
import { Table } from "../../ui/Table";
import type { Path } from "./path";
import { Button } from "../../ui/Button";

/** The picture in words: every recorded point with its numbers. It is made when it is asked for. */
export function PathTable({ path, name }: { path: Path; name?: string }) {
  const [open, setOpen] = useState(false);
  const title = name ? `${t("descent.as_table")}: ${name}` : t("descent.as_table");
  return (
    <Card flush={open} title={title} actions={<Button pressed={open} onClick={() => setOpen(!open)}>{t(open ? "shell.close" : "descent.open_table")}</Button>}>
      {open && (
        <Table
          label={title}
          rows={path.points}
          id={(point) => String(point.step)}
          columns={[
            { head: t("word.step"), end: true, cell: (point) => count(point.step) },
            { head: t("word.epoch"), end: true, cell: (point) => count(point.epoch) },
            { head: "x", end: true, cell: (point) => number(point.x) },
            { head: "y", end: true, cell: (point) => number(point.y) },
            { head: t("descent.loss_batch"), end: true, cell: (point) => number(point.loss) },
            { head: t("descent.gradient_norm"), end: true, cell: (point) => number(point.gradient_norm) },
            { head: t("descent.slope_x"), end: true, cell: (point) => number(point.gradient_x) },
            { head: t("descent.slope_y"), end: true, cell: (point) => number(point.gradient_y) },
            { head: t("descent.learning_rate"), end: true, cell: (point) => number(point.learning_rate) },
            { head: t("descent.update"), end: true, cell: (point) => number(point.update_norm) },
          ]}
        />
      )}
    </Card>
  );
}
