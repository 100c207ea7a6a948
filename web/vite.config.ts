import { readFileSync } from "node:fs";
import { defineConfig, type Plugin } from "vite";

// `npm run dev` and `npm run preview` show the pages with the data of a real server. The token stays in this process: the
// proxy adds it to each request, so the browser needs no sign-in. DESCENT_URL and DESCENT_TOKEN_FILE say which server, and as whom.
const server = process.env.DESCENT_URL ?? "http://127.0.0.1:8080";
const tokenFile = process.env.DESCENT_TOKEN_FILE ?? "../data/admin.token";

function proxied() {
  const token = readFileSync(tokenFile, "utf8").trim();
  // The server checks Host and Origin, so both are made its own.
  return { target: server, changeOrigin: true, headers: { authorization: `Bearer ${token}`, origin: server } };
}

/** The browser has no cookie of its own here, so whoever asks is told that the proxy is signed in. */
function signedIn(): Plugin {
  type Use = { use(path: string, handler: (request: unknown, response: { setHeader(name: string, value: string): void; end(body: string): void }) => void): void };
  const answer = (middlewares: Use): void => {
    middlewares.use("/v1/session", (_, response) => {
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify({ owner: "development", scopes: ["admin:write"] }));
    });
  };
  return {
    name: "signed-in",
    configureServer: (vite) => answer(vite.middlewares),
    configurePreviewServer: (vite) => answer(vite.middlewares),
  };
}

export default defineConfig(({ command, isPreview }) => {
  const proxy = (command === "serve" || isPreview) && !process.env.VITEST ? { "/v1": proxied(), "/openapi.json": proxied() } : undefined;
  return {
    base: "./",
    plugins: [signedIn()],
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
