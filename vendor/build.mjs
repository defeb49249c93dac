/*
 * The libraries that run in the reader's browser, minified, each under its license, and the book face of the site's titles,
 * cut down to the characters of English text: `node build.mjs <folder>` writes one file each.
 */
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import subsetFont from "subset-font";
import { minify } from "terser";

const LIBRARIES = {
  minisearch: ["dist/es/index.js", "LICENSE.txt"],
  stemmer: ["index.js", "license"],
  "ts-fsrs": ["dist/index.mjs", "LICENSE"],
};

const FACE = "node_modules/@fontsource/newsreader";
// What a title or a question is written in. Any other character is shown in the face of the reader's system.
const CHARACTERS = [...Array(95).keys()].map((i) => String.fromCharCode(32 + i)).join("") + "–—‘’“”…·×≤≥→§€µ";

const folder = process.argv[2];
await mkdir(folder, { recursive: true });
for (const [name, [entry, license]] of Object.entries(LIBRARIES)) {
  const source = await readFile(join("node_modules", name, entry), "utf8");
  const { version } = JSON.parse(await readFile(join("node_modules", name, "package.json"), "utf8"));
  const terms = (await readFile(join("node_modules", name, license), "utf8")).trim();
  const { code } = await minify(source, { module: true, format: { comments: false } });
  await put(`${name}.js`, `/*!\n${name} ${version}\n\n${terms}\n*/\n${code}\n`);
}
const face = await readFile(join(FACE, "files/newsreader-latin-500-normal.woff2"));
await put("newsreader.woff2", await subsetFont(face, CHARACTERS, { targetFormat: "woff2" }));
await put("newsreader-license.txt", await readFile(join(FACE, "LICENSE"), "utf8"));

/** Renamed into place, so that an interrupted build leaves no half file behind. */
async function put(name, content) {
  const draft = join(folder, `${name}.draft`);
  await writeFile(draft, content);
  await rename(draft, join(folder, name));
}
