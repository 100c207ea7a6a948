import { Pause, Play, SkipBack, StepBack, StepForward } from "lucide";
import type { ComponentChildren } from "preact";
import { t } from "../i18n";
import { Button } from "./Button";
import type { Playhead } from "./motion";
import "./player.css";

interface PlayerProps {
  head: Playhead;
  /** Places that there are. */
  count: number;
  /** What the slider moves through. */
  label: string;
  /** The place in words. */
  text: string | undefined;
  /** With buttons for one place back and forth. */
  single?: boolean;
  children?: ComponentChildren;
}

/** Plays through recorded places, or goes to one. */
export function Player({ head, count, label, text, single = false, children }: PlayerProps) {
  const none = count === 0;
  return (
    <div class="player">
      <div class="player-keys">
        <Button look="quiet" icon={SkipBack} label={t("player.to_start")} disabled={none} onClick={() => head.seek(0)} />
        {single && <Button look="quiet" icon={StepBack} label={t("player.back")} disabled={none || head.at === 0} onClick={() => head.seek(head.at - 1)} />}
        <Button icon={head.playing ? Pause : Play} label={t(head.playing ? "player.pause" : "player.play")} disabled={none} onClick={head.playing ? head.pause : head.play} />
        {single && <Button look="quiet" icon={StepForward} label={t("player.forward")} disabled={none || head.at >= count - 1} onClick={() => head.seek(head.at + 1)} />}
      </div>
      <input type="range" aria-label={label} min={0} max={Math.max(1, count - 1)} value={head.at} disabled={none} aria-valuetext={text} onInput={(event) => head.seek(Number(event.currentTarget.value))} />
      <div class="player-facts small number">{children}</div>
    </div>
  );
}
