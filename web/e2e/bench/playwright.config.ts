// What the dashboard costs the browser, measured as its tests drive it: the same Chromium without a GPU, the same kind of server.
import { defineConfig } from "@playwright/test";
import tests from "../playwright.config.ts";

export default defineConfig({
  ...tests,
  testDir: ".",
  testMatch: "*.bench.ts",
  outputDir: "../artefacts/bench",
  // Alone, and not recorded: both would be part of the measurement.
  workers: 1,
  retries: 0,
  reporter: [["list"]],
  timeout: 600_000,
  use: { ...tests.use, trace: "off", screenshot: "off" },
});
