import { texts } from "../entry";

/** Parallel coordinates. */
export const parallel = texts({
  "parallel.of": { en: (n: number, axes: string) => `Parallel coordinates of ${n} runs over ${axes}; the table has the same numbers`, ko: (n: number, axes: string) => `학습 ${n}개의 평행 좌표, 축은 ${axes}. 표에 같은 값이 있습니다` },
  "parallel.help": { en: "Drag along an axis to mark a part of it.", ko: "축을 따라 끌어 구간을 고르세요." },
  "parallel.kept": { en: (n: number, of: number) => `${n} of ${of} marked`, ko: (n: number, of: number) => `${of}개 중 ${n}개 선택` },
  "parallel.all": { en: "Show all", ko: "모두 보기" },
});
