import { texts } from "../entry";

/** Several runs side by side. */
export const compare = texts({
  "compare.choose": { en: "Choose two runs or more.", ko: "두 개 이상의 학습을 고르세요." },
  "compare.too_few": { en: "Nothing to compare yet", ko: "아직 비교할 것이 없습니다" },
  "compare.too_few_body": { en: "Two runs are needed.", ko: "학습이 두 개는 있어야 합니다." },
  "compare.about": { en: (n: number) => `${n} runs side by side.`, ko: (n: number) => `학습 ${n}개를 나란히 봅니다.` },
  "compare.others": { en: "Choose others", ko: "다른 학습 고르기" },
  "compare.curves": { en: "Curves", ko: "곡선" },
  "compare.differences": { en: "What differs", ko: "차이점" },
  "compare.remove": { en: (name: string) => `Take ${name} out`, ko: (name: string) => `${name} 빼기` },
  "compare.parallel": { en: "Parallel coordinates", ko: "평행 좌표" },
});
