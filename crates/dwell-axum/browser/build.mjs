// Builds `dist/`: one small module, and its types. Builds are reproducible; CI
// compares them.
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";

const LIMIT = 6_144;
const OUT = "dist/session-timeout.js";

process.chdir(import.meta.dirname);
const minifiedCss = {
  name: "minified-css",
  setup({ onLoad }) {
    onLoad({ filter: /\.css$/ }, async ({ path }) => {
      const css = await readFile(path, "utf8");
      const { code } = await transform(css, { loader: "css", minify: true, target: "es2022" });
      return { contents: code.trim(), loader: "text" };
    });
  },
};

const { outputFiles } = await build({
  absWorkingDir: import.meta.dirname,
  entryPoints: ["src/index.ts"],
  bundle: true,
  minify: true,
  format: "esm",
  target: "es2022",
  charset: "utf8",
  plugins: [minifiedCss],
  write: false,
});
// Inlines functions that are called once, which makes the script smaller.
const { code } = await minify(outputFiles[0].text, {
  module: true,
  ecma: 2022,
  compress: { passes: 3, pure_getters: true, keep_fargs: false, unsafe_arrows: true },
});
await mkdir("dist", { recursive: true });
await writeFile(OUT, `${code}\n`);
await copyFile("src/api.ts", "dist/session-timeout.d.ts");

const size = gzipSync(await readFile(OUT), { level: 9 }).length;
console.log(`${OUT}: ${code.length} characters, ${size} bytes gzipped, at most ${LIMIT}`);
if (size > LIMIT) {
  console.error("too large");
  process.exitCode = 1;
}
