// Movement that the page itself makes. Readers who asked for less of it get the end at once.
import { useEffect, useRef, useState } from "preact/hooks";

export function calm(): boolean {
  return matchMedia("(prefers-reduced-motion: reduce)").matches;
}

export interface Playhead {
  /** The place in sight, from 0 to `count - 1`. */
  at: number;
  playing: boolean;
  /** Stops and shows one place. */
  seek: (at: number) => void;
  play: () => void;
  pause: () => void;
  /** Plays from the first place, as more arrive. */
  restart: () => void;
}

/**
 * A place in a list that is played through at `rate` places a second. It waits at the end for places that are still to come
 * while `growing` is set, and stops there else.
 */
export function usePlayhead(count: number, rate: number, growing: boolean): Playhead {
  const [at, setAt] = useState(0);
  const [playing, setPlaying] = useState(false);
  const now = useRef({ exact: 0, count, growing });
  now.current.count = count;
  now.current.growing = growing;

  useEffect(() => {
    if (!playing) return;
    let frame = 0;
    let before: number | null = null;
    const draw = (time: number) => {
      const state = now.current;
      const last = Math.max(0, state.count - 1);
      const passed = before === null ? 0 : Math.min(0.1, (time - before) / 1000);
      before = time;
      state.exact = calm() ? last : Math.min(last, state.exact + passed * rate);
      setAt(Math.floor(state.exact));
      if (state.exact >= last && !state.growing) setPlaying(false);
      else frame = requestAnimationFrame(draw);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, [playing, rate]);

  const put = (place: number) => {
    now.current.exact = place;
    setAt(place);
  };
  return {
    at: Math.min(at, Math.max(0, count - 1)),
    playing,
    seek: (place) => {
      setPlaying(false);
      put(place);
    },
    play: () => {
      if (now.current.exact >= now.current.count - 1) put(0);
      setPlaying(true);
    },
    pause: () => setPlaying(false),
    restart: () => {
      put(0);
      setPlaying(true);
    },
  };
}
