import { texts } from "../entry";

/** The list of runs. */
export const runs = texts({
  "runs.title": { en: "Runs", ko: "학습 목록" },
  "runs.about": { en: "Every training, newest first.", ko: "모든 학습, 최신순입니다." },
  "runs.none": { en: "No runs yet", ko: "아직 학습이 없습니다" },
  "runs.none_body": { en: "A run trains a model on one of your datasets.", ko: "학습은 데이터셋으로 모델을 훈련합니다." },
  "runs.none_like": { en: "No run is like that", ko: "조건에 맞는 학습이 없습니다" },
  "runs.filter": { en: "Status", ko: "상태" },
  "runs.all": { en: "All", ko: "전체" },
  "runs.active": { en: "Active", ko: "진행 중" },
  "runs.choose": { en: (name: string) => `Choose ${name} for comparison`, ko: (name: string) => `비교할 학습으로 ${name} 선택` },
  "runs.compare": { en: (n: number) => `Compare ${n} runs`, ko: (n: number) => `${n}개 비교` },
});
