// Beginnings worth trying. Each replaces network, optimizer, loss and training of the document, and leaves data and task alone.
import type { Dataset, Json } from "../../api/types";
import type { PlainKey } from "../../i18n";

export interface Preset {
  title: PlainKey;
  about: PlainKey;
  parts: Json;
}

const TABLES: Preset[] = [
  { title: "newrun.preset_standard", about: "newrun.preset_standard_about", parts: {} },
  { title: "newrun.preset_linear", about: "newrun.preset_linear_about", parts: { network: { kind: "logistic" } } },
  {
    title: "newrun.preset_deep",
    about: "newrun.preset_deep_about",
    parts: {
      network: [
        { kind: "dense", units: 128, activation: "relu" },
        { kind: "batch_norm" },
        { kind: "dropout", rate: 0.2 },
        { kind: "dense", units: 64, activation: "relu" },
        { kind: "dropout", rate: 0.2 },
      ],
      optimizer: { kind: "adamw", learning_rate: 0.002, weight_decay: 0.01, schedule: { kind: "cosine" } },
      training: { epochs: 60, early_stopping: { metric: "validation_loss", patience: 8 } },
    },
  },
  {
    title: "newrun.preset_sgd",
    about: "newrun.preset_sgd_about",
    parts: { network: [{ kind: "dense", units: 32, activation: "tanh" }], optimizer: { kind: "sgd", learning_rate: 0.05, momentum: 0.9 }, training: { epochs: 50 } },
  },
];

const IMAGES: Preset[] = [
  { title: "newrun.preset_standard", about: "newrun.preset_standard_about", parts: {} },
  { title: "newrun.preset_dense", about: "newrun.preset_dense_about", parts: { network: [{ kind: "flatten" }, { kind: "dense", units: 256, activation: "relu" }], training: { epochs: 5 } } },
  { title: "newrun.preset_lenet", about: "newrun.preset_lenet_about", parts: { network: { kind: "lenet5" }, training: { epochs: 5 } } },
  { title: "newrun.preset_resnet", about: "newrun.preset_resnet_about", parts: { network: { kind: "resnet18" }, training: { epochs: 3 } } },
];

const SEQUENCES: Preset[] = [
  { title: "newrun.preset_standard", about: "newrun.preset_standard_about", parts: {} },
  { title: "newrun.preset_lstm", about: "newrun.preset_lstm_about", parts: { network: { kind: "lstm_classifier" } } },
  { title: "newrun.preset_transformer", about: "newrun.preset_transformer_about", parts: { network: { kind: "transformer_encoder" } } },
];

export function presetsFor(dataset: Dataset): Preset[] {
  const shape = dataset.columns.find((column) => column.kind === "array")?.sample?.shape.length;
  return shape === 3 ? IMAGES : shape === 2 ? SEQUENCES : TABLES;
}
