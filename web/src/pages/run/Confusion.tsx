import { count, percent } from "../../format";
import { t } from "../../i18n";

/** Rows are what is true, columns what was said; the shade is the share of the row. */
export function Confusion({ labels, counts }: { labels: string[]; counts: number[][] }) {
  return (
    <div class="table-scroll" tabIndex={0} role="region" aria-label={t("run.confusion")}>
      <table class="confusion">
        <thead>
          <tr>
            <th scope="col">{t("run.true_said")}</th>
            {labels.map((label) => <th key={label} scope="col">{label}</th>)}
          </tr>
        </thead>
        <tbody>
          {counts.map((row, truth) => {
            const all = row.reduce((sum, n) => sum + n, 0);
            return (
              <tr key={truth}>
                <th scope="row">{labels[truth]}</th>
                {row.map((n, said) => {
                  const part = all > 0 ? n / all : 0;
                  const classes = `${said === truth ? "right" : "wrong"}${part > 0.55 ? " strong" : ""}`;
                  return (
                    <td key={said} class={classes} title={percent(part)}>
                      <i style={{ opacity: part === 0 ? 0.04 : 0.12 + 0.88 * part }} />
                      {count(n)}
                    </td>
                  );
                })}
              </tr>
            );
          })}
        </tbody>
      </table>
    </div>
  );
}
