// Builds `dist/`: one small module, its types, and a second module that extends the
// first. Builds are reproducible; CI compares them.
import { copyFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { gzipSync } from "node:zlib";
import { build, transform } from "esbuild";
import { minify } from "terser";

const LIMIT = 6_144;
const MODULE = "session-timeout.js";

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

/** The second module imports the first one, which the page has loaded. */
const oneModule = {
  name: "one-module",
  setup({ onResolve }) {
    onResolve({ filter: /\/index\.ts$/ }, () => ({ path: `./${MODULE}`, external: true }));
  },
};

/** Builds a module, and returns its size, gzipped. */
async function make(source, name, plugins) {
  const { outputFiles } = await build({
    absWorkingDir: import.meta.dirname,
    entryPoints: [source],
    bundle: true,
    minify: true,
    format: "esm",
    target: "es2022",
    charset: "utf8",
    plugins,
    write: false,
  });
  // Inlines functions that are called once, which makes the script smaller.
  const { code } = await minify(outputFiles[0].text, {
    module: true,
    ecma: 2022,
    compress: { passes: 3, pure_getters: true, keep_fargs: false, unsafe_arrows: true },
  });
  await writeFile(`dist/${name}`, `${code}\n`);
  const size = gzipSync(`${code}\n`, { level: 9 }).length;
  console.log(`dist/${name}: ${code.length} characters, ${size} bytes gzipped`);
  return size;
}

await mkdir("dist", { recursive: true });
await copyFile("src/api.ts", "dist/session-timeout.d.ts");
await make("src/requests.ts", "session-timeout-requests.js", [oneModule]);
if ((await make("src/index.ts", MODULE, [minifiedCss])) > LIMIT) {
  console.error(`too large: at most ${LIMIT}`);
  process.exitCode = 1;
}
