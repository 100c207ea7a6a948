import type { JsonValue } from "../../api/types";
import { number } from "../../format";

/** A value of a setting as people read it. */
export function written(value: JsonValue | undefined): string {
  return typeof value === "number" ? number(value) : typeof value === "string" ? value : JSON.stringify(value ?? null);
}
