// A surface with the paths on it, seen from above or in three dimensions, and a ball on each path that can be played.
import { useEffect, useMemo, useState } from "preact/hooks";
import type { Landscape, Surface } from "../../api/types";
import { count, number } from "../../format";
import { t } from "../../i18n";
import { Check } from "../../ui/Field";
import { calm, usePlayhead } from "../../ui/motion";
import { Player } from "../../ui/Player";
import { Notice } from "../../ui/State";
import { Choice } from "../../ui/Tabs";
import { Contour } from "./Contour";
import { COLOURS, type Field, fieldOf, lossOf } from "./field";
import { framesOf, inStep, type Path, type PathPoint, type Slope, slopeAt } from "./path";
import { Surface3d } from "./Surface3d";

/** Points shown in a second. */
const RATE = 30;

export interface Ball {
  path: Path;
  point: PathPoint;
  slope: Slope | null;
}

export interface Rolling {
  field: Field;
  surface: Surface;
  paths: Path[];
  /** Index of the point of each path in sight. */
  at: number[];
  balls: Ball[];
  head: ReturnType<typeof usePlayhead>;
  frames: number;
  log: boolean;
  setLog: (log: boolean) => void;
}

export function useRolling(landscape: Landscape & { surface: Surface }): Rolling {
  const [log, setLog] = useState(false);
  const field = useMemo(() => fieldOf(landscape.surface, log), [landscape.surface, log]);
  const paths = useMemo(() => (landscape.paths ?? []).filter((path) => path.points.length > 0), [landscape.paths]);
  const frames = framesOf(paths);
  const head = usePlayhead(frames, RATE, false);
  const { restart } = head;
  // The ball rolls once by itself; whoever asked for less movement finds it at the start.
  useEffect(() => {
    if (!calm()) restart();
    // eslint-disable-next-line react-hooks/exhaustive-deps -- once for each landscape
  }, [landscape.id]);
  const at = useMemo(() => inStep(paths, head.at, frames), [paths, head.at, frames]);
  const balls = paths.map((path, idx): Ball => {
    const point = path.points[at[idx] ?? 0] as PathPoint;
    return { path, point, slope: slopeAt(field, log, point) };
  });
  return { field, surface: landscape.surface, paths, at, balls, head, frames, log, setLog };
}

/** What each colour means. */
function Legend({ surface, field }: { surface: Surface; field: Field }) {
  const stops = Array.from({ length: 9 }, (_, i) => COLOURS[Math.round((255 * i) / 8)] as readonly [number, number, number]);
  const gradient = stops.map(([r, g, b]) => `rgb(${255 * r} ${255 * g} ${255 * b})`).join(", ");
  return (
    <div class="legend small number">
      <span>{number(lossOf(surface, field, field.low))}</span>
      <i style={{ backgroundImage: `linear-gradient(90deg, ${gradient})` }} aria-hidden="true" />
      <span>{number(lossOf(surface, field, field.high))}</span>
    </div>
  );
}

export function Ground({ rolling }: { rolling: Rolling }) {
  const { field, surface, paths, at, balls, head, frames, log, setLog } = rolling;
  const [look, setLook] = useState<"three" | "contour">("three");
  const [missing, setMissing] = useState(false);
  const label = t("descent.surface_label", number(lossOf(surface, field, field.low)), number(lossOf(surface, field, field.high)));
  const downhill = balls.map(({ slope }): [number, number] | null => (slope ? [-slope.x, -slope.y] : null));
  const first = balls[0]?.point;
  const place = first ? t("descent.at", count(first.step), count(first.epoch)) : undefined;
  const shown = missing ? "contour" : look;
  return (
    <div class="ground">
      <div class="row apart">
        <Choice label={t("descent.look")} value={shown} options={[["three", t("descent.three")], ["contour", t("descent.contour")]]} onChange={(next) => setLook(next)} />
        <Check label={t("descent.log")} checked={log} onChange={setLog} />
      </div>
      {missing && <Notice look="warn">{t("descent.no_webgl")}</Notice>}
      {shown === "three" ? <Surface3d field={field} paths={paths} at={at} downhill={downhill} label={label} onMissing={() => setMissing(true)} /> : <Contour field={field} paths={paths} at={at} downhill={downhill} label={label} />}
      <Legend surface={surface} field={field} />
      <Player head={head} count={frames} label={t("descent.path")} text={place} single>
        <span class="soft">{place}</span>
      </Player>
    </div>
  );
}
