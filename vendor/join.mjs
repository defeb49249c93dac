/*
 * What every page of a built site loads, in as few and as small files as it takes: `node join.mjs <site> <folder> <sheet>...`.
 *
 * The modules of assets/javascripts are joined into one file for what a page needs at once, and one for each part that comes on
 * want; the sheets into one, without the rules of the theme's that no page and no script of this site can meet. Both stay
 * in the site as they are, to be read. `<folder>` and the sheets are paths below the site's root, the theme's sheets and ours
 * in the order of the page; what they name by relative addresses is found from `<folder>`, too, as it lies beside theirs.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { mkdir, readFile, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import postcss from "postcss";
import discardComments from "postcss-discard-comments";
import normalizeWhitespace from "postcss-normalize-whitespace";
import { PurgeCSS } from "purgecss";

// The theme's files have a hash in their names, and scripts of its own, which no page has, among ours.
const OF_THEME = /\.[0-9a-f]{8}\.min\.\w+$|[/\\]lunr[/\\]|\.map$/;

const [site, folder, ...sheets] = process.argv.slice(2);
const scripts = join(site, "assets/javascripts");
const into = join(site, folder);
const CACHE = new URL("../.cache/joined/", import.meta.url);
try {
  await mkdir(into, { recursive: true });
  await joinScripts();
  await joinSheets();
} catch (error) {
  // What is wrong with a source, or with the disk, is said by the message; only of anything else the place in here matters.
  console.error(error.code || error.name === "CssSyntaxError" ? error.message : error.stack);
  process.exitCode = 1;
}

/** As the modules are the same in most builds, what became of them is kept. */
async function joinScripts() {
  const known = createHash("sha256");
  const own = (await files(scripts)).filter((file) => !OF_THEME.test(file));
  for (const file of [...own.sort(), new URL(import.meta.url), new URL("package-lock.json", import.meta.url)]) {
    known.update(`\n${typeof file === "string" ? relative(scripts, file) : ""}\n`).update(await readFile(file));
  }
  const file = new URL(known.digest("hex"), CACHE);
  let text = await kept(file);
  if (text === undefined) {
    text = JSON.stringify(await joined());
    await keep(file, text);
  }
  const chunks = JSON.parse(text);
  for (const [name, code] of Object.entries(chunks)) {
    await mkdir(dirname(join(into, name)), { recursive: true });
    await writeFile(join(into, name), code);
  }
}

/** What was kept in the file; undefined where there is nothing, or not all of it: its first line is a hash of the rest. */
async function kept(file) {
  const content = await readFile(file, "utf8").catch(() => "");
  const end = content.indexOf("\n");
  const text = content.slice(end + 1);
  return end > 0 && content.slice(0, end) === sealOf(text) ? text : undefined;
}

/** A cache that cannot be written costs time in the next build, and nothing else. */
async function keep(file, text) {
  const draft = new URL(`.${process.pid}.draft`, CACHE);
  try {
    await mkdir(CACHE, { recursive: true });
    await writeFile(draft, `${sealOf(text)}\n${text}`);
    await rename(draft, file);
  } catch {
    await rm(draft, { force: true }).catch(() => {});
  }
}

function sealOf(text) {
  return createHash("sha256").update(text).digest("hex");
}

/** The names and the texts of the joined files. */
async function joined() {
  // To load both takes as long as the rest of a build in which the scripts are known.
  const [{ rollup }, { minify }] = await Promise.all([import("@rollup/wasm-node"), import("terser")]);
  const bundle = await rollup({
    // By name, so that it keeps it: other parts take from the second what it has, as its modules do not stand twice.
    input: ["site.js", "set-up.js"].map((name) => join(scripts, name)),
    // Libraries come with their licenses, as files of their own.
    external: (id) => id.includes("/vendor/"),
    // Hardly anything in our modules is unused, and to look for it takes most of the time.
    treeshake: false,
    onwarn(warning) {
      throw new Error(warning.message);
    },
  });
  const { output } = await bundle.generate({
    dir: into,
    entryFileNames: "[name].js",
    // A part that comes on want keeps the name of its module.
    chunkFileNames: ({ facadeModuleId, name }) =>
      facadeModuleId ? relative(scripts, facadeModuleId).split(sep).join("/") : `shared/${name}.js`,
    // A page that was opened before a release asks for its parts by these names after it: they mean the same then.
    minifyInternalExports: false,
    plugins: [{ name: "minify", renderChunk: (code) => minify(code, { module: true, ecma: 2022 }) }],
  });
  await bundle.close();
  return Object.fromEntries(output.map(({ fileName, code }) => [fileName, code]));
}

async function joinSheets() {
  const words = new Set();
  const note = (text) => {
    for (const [word] of text.matchAll(/[\w-]+/g)) words.add(word);
  };
  // Nine of ten tags of a page are on others, too, letter by letter.
  const tags = new Set();
  const read = new Set();
  const readPages = async () => {
    for (const file of await files(site)) {
      if (!file.endsWith(".html") || read.has(file)) continue;
      read.add(file);
      // Of pages what stands in tags and in scripts: words of the text select nothing. Nor does what a head says and links to, which
      // is changed while this reads (macros/join.py). One after the other: to wait for each takes longer than to read it. Latin-1, as
      // bytes are read faster than characters, and all words are of ASCII.
      for (const [tag] of readFileSync(file, "latin1").matchAll(/<script\b[^>]*>[^]*?<\/script>|<(?!\/|meta\b|link\b)[^>]+>/g)) tags.add(tag);
    }
  };
  await readPages();
  // Some are made meanwhile, until the end of the input says that all are there.
  for await (const _ of process.stdin);
  await readPages();
  tags.forEach(note);
  for (const file of await files(scripts)) if (!OF_THEME.test(file)) note(await readFile(file, "utf8"));
  for (const file of await files(join(site, "assets/stylesheets"))) {
    if (!OF_THEME.test(file)) note(await readFile(file, "utf8"));
  }
  const texts = [];
  for (const sheet of sheets) {
    const text = await readFile(join(site, sheet), "utf8");
    texts.push(OF_THEME.test(sheet) ? await without(text, words) : checked(text, sheet));
  }
  const unused = { postcssPlugin: "unused", OnceExit: (root) => (dropIdle(root), dropProperties(root, words)) };
  const small = await postcss([unused, discardComments({ removeAll: true }), normalizeWhitespace()]).process(texts.join("\n"), { from: undefined });
  await writeFile(join(into, "site.css"), small.css);
}

/** The text of a sheet of ours: what is wrong with it is told here by its own lines, and not by those of the joined one. */
function checked(text, sheet) {
  try {
    postcss.parse(text);
  } catch (error) {
    error.message = `${sheet}:${error.line}: ${error.reason}`;
    throw error;
  }
  return text;
}

/** A sheet of the theme's, without the rules for what is nowhere. That nothing in ours is too much is for their authors to see to. */
async function without(text, words) {
  const [purged] = await new PurgeCSS().purge({
    content: [{ raw: [...words].join(" "), extension: "html" }],
    css: [{ raw: text }],
    keyframes: true,
  });
  return purged.css;
}

/**
 * Take out what follows a table, of which nothing does: each stands in a box of its own (macros/tables.py). As long as the rule is there,
 * a browser takes whatever a script puts into a page for such, and styles all of the page anew.
 */
function dropIdle(root) {
  root.walkRules(".md-typeset table:not([class])+*", (rule) => rule.remove());
}

/** Take out custom properties that no value asks for, as do most icons of the theme's; and then those that only they asked for. */
function dropProperties(root, words) {
  const asked = new Set();
  root.walkDecls(({ value }) => {
    for (const [, name] of value.matchAll(/var\(\s*(--[\w-]+)/g)) asked.add(name);
  });
  let isLess = false;
  root.walkDecls(/^--/, (declaration) => {
    if (asked.has(declaration.prop) || words.has(declaration.prop)) return;
    declaration.remove();
    isLess = true;
  });
  if (isLess) dropProperties(root, words);
}

/** Paths of all files below a folder. */
async function files(root) {
  const entries = await readdir(root, { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath ?? entry.path, entry.name));
}
