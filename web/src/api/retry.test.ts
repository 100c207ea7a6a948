import { expect, test } from "vitest";
import { waitFor } from "./retry";

test("the server's Retry-After is obeyed, in seconds and as a date", () => {
  const now = Date.parse("2030-01-01T00:00:00Z");
  const with_ = (value: string) => new Response(null, { status: 503, headers: { "retry-after": value } });
  expect(waitFor(with_("3"), 0, now)).toBe(3000);
  expect(waitFor(with_("Tue, 01 Jan 2030 00:00:05 GMT"), 0, now)).toBe(5000);
  expect(waitFor(null, 2, now)).toBe(1000);
});
