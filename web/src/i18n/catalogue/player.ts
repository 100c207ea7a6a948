import { texts } from "../entry";

/** Playing through recorded places. */
export const player = texts({
  "player.play": { en: "Play", ko: "재생" },
  "player.pause": { en: "Pause", ko: "멈춤" },
  "player.to_start": { en: "To the start", ko: "처음으로" },
  "player.back": { en: "One step back", ko: "한 걸음 뒤로" },
  "player.forward": { en: "One step on", ko: "한 걸음 앞으로" },
});
