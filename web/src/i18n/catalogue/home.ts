import { texts } from "../entry";

/** Home and the list of runs. */
export const home = texts({
  "home.title": { en: "Home", ko: "홈" },
  "home.recent": { en: "Recent runs", ko: "최근 학습" },
  "runs.title": { en: "Runs", ko: "학습 목록" },
  "runs.none": { en: "No runs yet", ko: "아직 학습이 없습니다" },
  "runs.none_body": { en: "A run trains a model on one of your datasets.", ko: "학습은 데이터셋으로 모델을 훈련합니다." },
});
