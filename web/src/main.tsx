import "./ui/fonts.css";
import "./ui/tokens.css";
import "./ui/base.css";
import { render } from "preact";
import { Problem } from "./api/problem";
import { readSession } from "./api/session";
import { App } from "./app";
import { ProblemNotice } from "./ui/State";

const root = document.getElementById("app") as HTMLElement;
readSession().then(
  () => render(<App />, root),
  (error: unknown) => render(<ProblemNotice problem={Problem.from(error)} retry={() => location.reload()} />, root),
);
