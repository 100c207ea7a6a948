// What the schemas of the server say, in Korean. A text that changes there wants its entry changed here; until then it is shown in English,
// and pages/newrun/korean.test.ts names it.
import type { Dictionary } from "../served";
import { data } from "./data";
import { layers } from "./layers";
import { names } from "./names";
import { networks } from "./networks";
import { optimizers } from "./optimizers";
import { training } from "./training";

export const korean: Dictionary = {
  explanations: { ...data, ...layers, ...networks, ...optimizers, ...training },
  names,
};
