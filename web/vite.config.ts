import { readFileSync } from "node:fs";
import { defineConfig } from "vite";

// `npm run dev` and `npm run preview` show the pages with the data of a real server. The token stays in this process: the
// proxy adds it to each request, so the browser needs no sign-in. DESCENT_URL and DESCENT_TOKEN_FILE say which server, and as whom.
const server = process.env.DESCENT_URL ?? "http://127.0.0.1:8080";
const tokenFile = process.env.DESCENT_TOKEN_FILE ?? "../data/admin.token";

function proxied() {
  const token = readFileSync(tokenFile, "utf8").trim();
  // The server checks Host and Origin, so both are made its own.
  return { target: server, changeOrigin: true, headers: { authorization: `Bearer ${token}`, origin: server } };
}

export default defineConfig(({ command, isPreview }) => {
  const proxy = (command === "serve" || isPreview) && !process.env.VITEST ? { "/v1": proxied(), "/openapi.json": proxied() } : undefined;
  return {
    base: "./",
    oxc: { jsx: { runtime: "automatic", importSource: "preact" } },
    build: {
      target: "es2022",
      // A data: URL would need a looser Content-Security-Policy than the server sends.
      assetsInlineLimit: 0,
      modulePreload: { polyfill: false },
      // scripts/size.mjs reads which file needs which.
      manifest: true,
      chunkSizeWarningLimit: 900,
    },
    server: { proxy },
    preview: { proxy },
  };
});
