// The one catalogue. Every page brings its own file; a key begins with the page's name.
import { chart } from "./chart";
import { compare } from "./compare";
import { datasets } from "./datasets";
import { descent } from "./descent";
import { home } from "./home";
import { models } from "./models";
import { newrun } from "./newrun";
import { parallel } from "./parallel";
import { player } from "./player";
import { playground } from "./playground";
import { run } from "./run";
import { runs } from "./runs";
import { shell } from "./shell";
import { sweeps } from "./sweeps";
import { words } from "./words";

export const catalogue = {
  ...chart,
  ...compare,
  ...datasets,
  ...descent,
  ...home,
  ...models,
  ...newrun,
  ...parallel,
  ...player,
  ...playground,
  ...run,
  ...runs,
  ...shell,
  ...sweeps,
  ...words,
};
