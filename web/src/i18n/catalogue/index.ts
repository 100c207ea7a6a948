// The one catalogue. Every page brings its own file; a key begins with the page's name.
import { chart } from "./chart";
import { home } from "./home";
import { models } from "./models";
import { shell } from "./shell";
import { words } from "./words";

export const catalogue = { ...shell, ...words, ...chart, ...home, ...models };
