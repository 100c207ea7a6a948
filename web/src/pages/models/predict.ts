// Asking a model, and asking it again while the reader still draws or types.
import { useEffect, useState } from "preact/hooks";
import { api, ok } from "../../api/client";
import { Problem } from "../../api/problem";
import type { ModelVersion, Prediction, Predictions } from "../../api/types";

export type Answer = Prediction;

/** A row by column name. */
export type Row = Record<string, string | number | boolean | null | unknown[]>;

/** Milliseconds without a change after which the row is sent. */
const QUIET = 150;

export async function predict(model: ModelVersion, rows: Row[], explain: boolean, signal: AbortSignal): Promise<Answer[]> {
  // The request is JSON, so the answer is.
  const answer = (await ok(
    api.POST("/v1/models/{name}/versions/{version}/predict", {
      params: { path: { name: model.name, version: model.version }, query: { explain } },
      body: { rows },
      signal,
    }),
  )) as Predictions;
  return answer.predictions;
}

/** The answer for a row, asked for whenever the row changes; the one before is shown until the next is there. */
export function useAnswer(model: ModelVersion, row: Row | null, explain: boolean) {
  const [state, setState] = useState<{ answer?: Answer; problem?: Problem }>({});
  const body = row === null ? null : JSON.stringify(row);
  useEffect(() => {
    if (body === null) {
      setState({});
      return;
    }
    const stop = new AbortController();
    const timer = setTimeout(() => {
      predict(model, [JSON.parse(body) as Row], explain, stop.signal).then(
        ([answer]) => !stop.signal.aborted && setState({ answer }),
        (error: unknown) => !stop.signal.aborted && setState({ problem: Problem.from(error) }),
      );
    }, QUIET);
    return () => {
      clearTimeout(timer);
      stop.abort();
    };
  }, [model, body, explain]);
  return state;
}

/** A word of a shell command line that means exactly `text`. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

export function curlOfRow(url: string, row: Row): string {
  return [`curl -H "Authorization: Bearer $DESCENT_TOKEN" -H 'Content-Type: application/json' \\`, `  --data ${quoted(JSON.stringify({ rows: [row] }))} \\`, `  ${quoted(`${url}?explain=true`)}`].join("\n");
}

export function curlOfPicture(url: string): string {
  return [`curl -H "Authorization: Bearer $DESCENT_TOKEN" -H 'Content-Type: image/png' \\`, `  --data-binary @drawing.png ${quoted(url)}`].join("\n");
}
