// What a first visit to the Home page costs: the entry, all it imports, and Home's own chunk, packed as a server would.
// The promise is 400 KB; a build that breaks it fails.
import { readFileSync } from "node:fs";
import { gzipSync } from "node:zlib";

const LIMIT = 400 * 1024;
const dist = new URL("../dist/", import.meta.url);
const manifest = JSON.parse(readFileSync(new URL(".vite/manifest.json", dist)));
const files = new Set(["index.html"]);

function add(key) {
  const chunk = manifest[key];
  if (!chunk || files.has(chunk.file)) return;
  files.add(chunk.file);
  for (const file of [...(chunk.css ?? []), ...(chunk.assets ?? [])]) files.add(file);
  for (const imported of chunk.imports ?? []) add(imported);
}
for (const key of ["index.html", "src/pages/home/Home.tsx"]) add(key);

let total = 0;
for (const file of files) {
  const bytes = readFileSync(new URL(file, dist));
  const size = file.endsWith(".woff2") ? bytes.length : gzipSync(bytes).length;
  total += size;
  console.log(`${String(Math.round(size / 102.4) / 10).padStart(8)} KB  ${file}`);
}
console.log(`first load: ${(total / 1024).toFixed(1)} KB of ${LIMIT / 1024} KB`);
if (total > LIMIT) {
  console.error("the first load is above its limit: load what Home does not need with import()");
  process.exit(1);
}
