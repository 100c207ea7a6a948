import js from "@eslint/js";
import hooks from "eslint-plugin-react-hooks";
import tseslint from "typescript-eslint";

export default tseslint.config(
  { ignores: ["dist", "node_modules", "src/api/schema.d.ts", "e2e/artefacts", "e2e/node_modules"] },
  js.configs.recommended,
  ...tseslint.configs.strict,
  {
    files: ["src/**/*.{ts,tsx}"],
    plugins: { "react-hooks": hooks },
    // What is taken out of an object by name is often there only to be left behind.
    rules: { "@typescript-eslint/no-unused-vars": ["error", { ignoreRestSiblings: true }], "react-hooks/rules-of-hooks": "error", "react-hooks/exhaustive-deps": "error", "no-console": "error" },
  },
  { files: ["scripts/**/*.mjs"], languageOptions: { globals: { process: "readonly", console: "readonly", URL: "readonly" } } },
);
