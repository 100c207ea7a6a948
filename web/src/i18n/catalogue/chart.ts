import { texts } from "../entry";

/** Around every chart. */
export const chart = texts({
  "chart.zoom_in": { en: "Zoom in", ko: "확대" },
  "chart.zoom_out": { en: "Zoom out", ko: "축소" },
  "chart.all": { en: "Show all", ko: "전체 보기" },
  "chart.log": { en: "Log scale", ko: "로그 축" },
  "chart.smoothing": { en: "Smoothing", ko: "평활" },
  "chart.keys": {
    en: (label: string) => `${label}. Arrow keys move, plus and minus zoom, zero shows all.`,
    ko: (label: string) => `${label}. 화살표 키로 이동, 더하기와 빼기로 확대와 축소, 0으로 전체를 봅니다.`,
  },
});
