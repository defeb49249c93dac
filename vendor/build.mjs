/*
 * The libraries that run in the reader's browser, minified, each under its license: `node build.mjs <folder>` writes one
 * file a library.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { minify } from "terser";

const LIBRARIES = { minisearch: ["dist/es/index.js", "LICENSE.txt"], stemmer: ["index.js", "license"] };

const folder = process.argv[2];
await mkdir(folder, { recursive: true });
for (const [name, [entry, license]] of Object.entries(LIBRARIES)) {
  const source = await readFile(join("node_modules", name, entry), "utf8");
  const { version } = JSON.parse(await readFile(join("node_modules", name, "package.json"), "utf8"));
  const terms = (await readFile(join("node_modules", name, license), "utf8")).trim();
  const { code } = await minify(source, { module: true, format: { comments: false } });
  // Renamed into place, so that an interrupted build leaves no half file behind.
  const draft = join(folder, `${name}.js.draft`);
  await writeFile(draft, `/*!\n${name} ${version}\n\n${terms}\n*/\n${code}\n`);
  await rename(draft, join(folder, `${name}.js`));
}
