/** Training, resources and what goes with a run. */
export const training = {
  "Passes over the training rows, at most. Default: by the number of training rows.": "학습 행 전체를 최대 몇 번 볼지 정합니다. 기본값은 학습 행 수에 따릅니다.",
  "Rows of one step. Default: by the number of training rows.": "한 스텝에 쓰는 행 수입니다. 기본값은 학습 행 수에 따릅니다.",
  "What matrix products and convolutions multiply while training. The trained model is f32 either way; it is evaluated\nand predicts in f32. Default: `f32`.": "학습 중 행렬 곱과 합성곱에 쓰는 정밀도입니다. 학습된 모델은 언제나 f32이며 평가와 예측도 f32로 합니다. 기본값은 f32입니다.",
  "Everything random in a run follows from this number.": "학습의 모든 무작위가 이 수에서 정해집니다.",
  "When to stop before all epochs are done. Default: never.": "모든 에폭을 마치기 전에 멈추는 조건입니다. 기본으로는 멈추지 않습니다.",
  "The metric that is watched: `validation_` or `train_` and the name of a metric.": "지켜볼 지표입니다. validation_ 또는 train_ 뒤에 지표 이름을 씁니다.",
  "The training ends after this many epochs in a row without improvement.": "이 수만큼 에폭이 잇달아 나아지지 않으면 학습을 끝냅니다.",
  "Improvement that counts, in the metric's own unit.": "나아졌다고 보는 최소 개선 폭입니다. 지표의 단위로 씁니다.",
  "Epochs after which the training goes on only if it is good enough by then, as a search sets them that stops bad runs\nearly. Default: none.": "그때까지 충분히 좋아야만 학습을 이어 가는 에폭입니다. 나쁜 학습을 일찍 멈추는 탐색이 정합니다. 기본으로는 두지 않습니다.",
  "The run ends after this many seconds of training with the model it has: the best where early stopping keeps it, else the newest.": "이 시간(초)만큼 학습하면 그때까지의 모델로 끝냅니다. 조기 종료를 쓰면 가장 좋은 모델, 아니면 마지막 모델입니다.",
  "What the run may use.": "학습에 쓸 수 있는 자원입니다.",
  "Threads that compute. The result does not depend on it.": "계산하는 스레드 수입니다. 결과는 스레드 수와 무관합니다.",
  "Where it is computed.": "계산하는 장치입니다.",
  "Runs with a higher number go first.": "수가 큰 학습이 먼저 시작합니다.",
  "Anything you want to find the run by.": "학습을 찾을 때 쓸 이름표입니다.",
};
