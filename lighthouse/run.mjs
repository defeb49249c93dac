/*
 * Runs Lighthouse on pages of built sites: `node run.mjs` reads what is asked from standard input and writes one line of
 * JSON a run, in the order asked. tests/site/lighthouse.py says what goes in and what comes out.
 */
import { text } from "node:stream/consumers";
import { launch } from "chrome-launcher";
import lighthouse, { desktopConfig } from "lighthouse";
import { servePages } from "./pages.mjs";

const asked = JSON.parse(await text(process.stdin));
const server = await servePages(asked.sites, asked.certificate);
const chrome = await launch({
  chromePath: asked.chrome,
  chromeFlags: [
    ...asked.arguments,
    "--headless=new",
    "--ignore-certificate-errors",
    `--host-resolver-rules=MAP * 127.0.0.1:${server.port}`,
  ],
});
try {
  for (const job of asked.jobs) {
    let result = await tried(job);
    // A machine that has too much to do answers too late now and then.
    if (result.error) result = await tried(job);
    process.stdout.write(`${JSON.stringify(result)}\n`);
  }
} finally {
  await chrome.kill();
  server.close();
}

/** What a run found out, or why it found nothing out. */
async function tried(job) {
  try {
    return await run(job);
  } catch (error) {
    return { address: job.address, form: job.form, error: String(error), machine: 0, scores: {}, faults: [] };
  }
}

/** One page, as a browser that has never been there sees it. */
async function run({ address, form, categories }) {
  const timed = categories.includes("performance");
  const flags = {
    port: chrome.port,
    logLevel: "error",
    onlyCategories: categories,
    // The page for wrong addresses is a page to audit as well.
    ignoreStatusCode: true,
    disableFullPageScreenshot: true,
    ...(!timed && {
      throttlingMethod: "provided",
      pauseAfterFcpMs: 0,
      pauseAfterLoadMs: 0,
      networkQuietThresholdMs: 500,
      cpuQuietThresholdMs: 500,
    }),
  };
  const { lhr, artifacts } = await lighthouse(address, flags, form === "desktop" ? desktopConfig : undefined);
  const error = lhr.runtimeError ? `${lhr.runtimeError.code}: ${lhr.runtimeError.message}` : "";
  const machine = lhr.environment.benchmarkIndex;
  return { address, form, error, machine, ...judged(lhr), ...(timed && { ...measured(lhr), ...executed(artifacts) }) };
}

/** Each category's score, and what takes from it: the audits that count, with what they complain about. */
function judged(lhr) {
  const scores = {};
  const faults = [];
  for (const [category, { score, auditRefs }] of Object.entries(lhr.categories)) {
    scores[category] = score === null ? null : Math.round(100 * score);
    for (const { id, weight } of auditRefs) {
      const audit = lhr.audits[id];
      if (!weight || audit.score === 1 || ["notApplicable", "manual"].includes(audit.scoreDisplayMode)) continue;
      const items = (audit.details?.items ?? []).map(told);
      faults.push({ category, audit: id, title: audit.errorMessage ?? audit.explanation ?? audit.title, items });
    }
  }
  return { scores, faults };
}

/** An item of an audit's table as one line: the element and where it stands, or what it is about. */
function told(item) {
  const node = item.node ?? item.source?.node;
  if (node) return `${node.selector}: ${node.snippet} ${node.explanation ?? ""}`.trim();
  const words = Object.values(item).filter((value) => typeof value !== "object");
  return words.join(" ") || JSON.stringify(item);
}

/** Times in milliseconds as simulated, and every request with its bytes on the wire and unpacked. */
function measured({ audits }) {
  const number = (id) => audits[id].numericValue;
  return {
    times: {
      fcp: number("first-contentful-paint"),
      lcp: number("largest-contentful-paint"),
      tbt: number("total-blocking-time"),
      cls: number("cumulative-layout-shift"),
      si: number("speed-index"),
    },
    requests: audits["network-requests"].details.items.map(
      ({ url, resourceType, statusCode, transferSize, resourceSize }) => ({
        url,
        kind: resourceType ?? "Other",
        status: statusCode,
        wire: transferSize,
        bytes: resourceSize,
      }),
    ),
  };
}

/** Scripts that ran and sheets that applied, with how many of their bytes did: characters, which are bytes here. */
function executed({ Scripts, JsUsage, Stylesheets, CSSUsage }) {
  const scripts = Scripts.map(({ scriptId, url, content = "" }) => {
    const unused = new Uint8Array(content.length);
    for (const { functions } of Object.values(JsUsage).filter((usage) => usage.scriptId === scriptId)) {
      for (const { ranges } of functions) {
        // From the outside in: what stands deeper says it more exactly.
        for (const { startOffset, endOffset, count } of ranges) unused.fill(count ? 0 : 1, startOffset, endOffset);
      }
    }
    return { url, bytes: content.length, unused: unused.reduce((sum, bit) => sum + bit, 0) };
  });
  const sheets = Stylesheets.map(({ header, content }) => {
    const used = CSSUsage.filter((rule) => rule.used && rule.styleSheetId === header.styleSheetId);
    const bytes = used.reduce((sum, { startOffset, endOffset }) => sum + endOffset - startOffset, 0);
    return { url: header.sourceURL, bytes: content.length, unused: content.length - bytes };
  });
  return { scripts, sheets };
}
