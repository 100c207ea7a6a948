// Errors of the API as values: RFC 9457 problem documents, and what becomes of a request that got no answer at all.
import type { ProblemBody, Violation } from "./types";

/** An answer that is not a success. `status` is 0 where the server could not be reached. */
export class Problem extends Error {
  readonly status: number;
  readonly code: string;
  readonly requestId: string | null;
  readonly violations: Violation[];

  constructor(status: number, body: Partial<ProblemBody>) {
    super(body.detail ?? body.title ?? `HTTP ${status}`);
    this.name = "Problem";
    this.status = status;
    this.code = body.code ?? "unknown";
    this.requestId = body.request_id ?? null;
    this.violations = body.errors ?? [];
  }

  /** The answer as a problem; a body that is none (a proxy's page, say) is told by its status alone. */
  static async of(response: Response): Promise<Problem> {
    const text = await response.text().catch(() => "");
    return Problem.parse(response.status, text);
  }

  static parse(status: number, text: string): Problem {
    try {
      return new Problem(status, JSON.parse(text) as Partial<ProblemBody>);
    } catch {
      return new Problem(status, { title: `HTTP ${status}` });
    }
  }

  /** Whatever was thrown, as a problem. */
  static from(error: unknown): Problem {
    if (error instanceof Problem) return error;
    const message = error instanceof Error ? error.message : String(error);
    return new Problem(0, { code: "unreachable", detail: message });
  }

  /** What is wrong at a JSON Pointer of the request, or anywhere below it where `deep` is set. */
  at(pointer: string, deep = false): Violation[] {
    return this.violations.filter((v) => v.pointer === pointer || (deep && v.pointer?.startsWith(`${pointer}/`)));
  }
}
