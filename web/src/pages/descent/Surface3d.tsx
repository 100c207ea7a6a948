import { useEffect, useRef, useState } from "preact/hooks";
import { t } from "../../i18n";
import { colour, theme } from "../../theme";
import { BALLS, type ViewProps } from "./Contour";
import type { View } from "./scene";

const TURN = 0.12;

/** Asked before three.js is loaded, which would be of no use without it. */
function hasWebGl(): boolean {
  return document.createElement("canvas").getContext("webgl2") !== null;
}

/** The surface in three dimensions. `onMissing` is called where the browser cannot draw it. */
export function Surface3d({ field, paths, at, label, onMissing }: ViewProps & { onMissing: () => void }) {
  const canvas = useRef<HTMLCanvasElement>(null);
  const [view, setView] = useState<View | null>(null);
  const missing = useRef(onMissing);
  missing.current = onMissing;

  useEffect(() => {
    let gone = false;
    let made: View | null = null;
    if (!hasWebGl()) return missing.current();
    import("./scene").then(
      ({ view: make }) => {
        if (gone || !canvas.current) return;
        try {
          made = make(canvas.current);
          setView(made);
        } catch {
          // A browser may have WebGL and still refuse one more picture; the contour shows the same.
          missing.current();
        }
      },
      () => missing.current(),
    );
    return () => {
      gone = true;
      made?.dispose();
      setView(null);
    };
  }, []);

  const now = theme.value;
  useEffect(() => view?.background(colour("--sunken")), [view, now]);
  useEffect(() => view?.show(field, paths, BALLS), [view, field, paths]);
  useEffect(() => view?.put(at), [view, field, paths, at]);

  const key = (event: KeyboardEvent) => {
    const moves: Record<string, () => void> = {
      ArrowLeft: () => view?.turn(-TURN, 0),
      ArrowRight: () => view?.turn(TURN, 0),
      ArrowUp: () => view?.turn(0, -TURN),
      ArrowDown: () => view?.turn(0, TURN),
      "+": () => view?.zoom(0.9),
      "-": () => view?.zoom(1.1),
      "0": () => view?.reset(),
    };
    const move = moves[event.key];
    if (!move) return;
    event.preventDefault();
    move();
  };
  return (
    <figure class="surface3d">
      <canvas ref={canvas} tabIndex={0} role="img" aria-label={t("descent.keys", label)} onKeyDown={key} />
      <figcaption class="small soft">{t("descent.turn_help")}</figcaption>
    </figure>
  );
}
