import type { ComponentChildren } from "preact";
import { number } from "../../format";
import { t } from "../../i18n";
import type { Ball } from "./Ground";

/** A slope with its sign told in words: it says which way the ball rolls. */
function SlopeValue({ value, positive, negative }: { value: number; positive: string; negative: string }) {
  return (
    <>
      {number(value)}
      <span class="soft small">{Math.abs(value) < 1e-12 ? t("descent.flat") : value > 0 ? positive : negative}</span>
    </>
  );
}

/** What moved the ball at the point in sight: the gradient with its sign and size, the learning rate, the step that followed. */
export function BallFacts({ ball: { point, slope } }: { ball: Ball }) {
  const rows: [string, ComponentChildren][] = [
    [t("descent.loss_batch"), number(point.loss)],
    [t("descent.loss_here"), number(point.sample_loss)],
    [t("descent.gradient_norm"), number(point.gradient_norm)],
    [t("descent.learning_rate"), number(point.learning_rate)],
    [t("descent.update"), number(point.update_norm)],
  ];
  if (slope) {
    rows.push([t("descent.slope_x"), <SlopeValue value={slope.x} positive={t("descent.left")} negative={t("descent.right")} />]);
    rows.push([t("descent.slope_y"), <SlopeValue value={slope.y} positive={t("descent.down")} negative={t("descent.up")} />]);
  }
  return (
    <>
      <dl class="ball-facts number">
        {rows.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {slope && !slope.measured && <p class="soft small">{t("descent.slope_x")}, {t("descent.slope_y")}: {t("descent.estimated")}.</p>}
      {point.update_norm == null && <p class="soft small">{t("descent.end")}</p>}
    </>
  );
}
