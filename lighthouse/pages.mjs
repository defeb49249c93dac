/*
 * Serves built sites as GitHub Pages does, at the addresses that they were built for: HTTP/2 and TLS, text compressed by
 * gzip, a folder's index, 404.html with status 404. The browser is told to find every host here, so that what a page
 * asks another host for is answered by this server, too, and nothing leaves the machine.
 *
 * The tests have a plainer one (tests/site/server.py), since they hold what a page does and not what it weighs.
 */
import { createHash } from "node:crypto";
import { readFile, stat } from "node:fs/promises";
import { createSecureServer } from "node:http2";
import { extname, join, normalize } from "node:path";
import { gzipSync } from "node:zlib";

const TYPES = {
  // A host of fonts serves its sheets at an address without an ending.
  "": "text/css; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".html": "text/html; charset=utf-8",
  ".js": "application/javascript; charset=utf-8",
  ".json": "application/json; charset=utf-8",
  ".md": "text/markdown; charset=utf-8",
  ".png": "image/png",
  ".svg": "image/svg+xml",
  ".txt": "text/plain; charset=utf-8",
  ".webmanifest": "application/manifest+json",
  ".woff2": "font/woff2",
  ".xml": "application/xml",
};
const COMPRESSED = /^text\/|javascript|json|svg|xml/;

/**
 * Starts the server on a free port of this machine.
 *
 * sites: address -> folder, such as "https://name.example/site/" -> "/tmp/site". certificate: { key, cert }, both PEM.
 * Returns { port, close }.
 */
export async function servePages(sites, certificate) {
  const answers = new Map();

  /** What is sent for an address: status, headers and body, compressed once. */
  async function answerTo(address) {
    for (const [root, folder] of Object.entries(sites)) {
      const url = new URL(address);
      if (!address.startsWith(root)) continue;
      const path = normalize(decodeURIComponent(url.pathname.slice(new URL(root).pathname.length)));
      if (path.startsWith("..")) break;
      let file = join(folder, path);
      const found = await stat(file).catch(() => null);
      if (found?.isDirectory()) {
        if (!url.pathname.endsWith("/")) return { status: 301, headers: { location: `${url.pathname}/` }, body: "" };
        file = join(file, "index.html");
      }
      const body = await readFile(file).catch(() => null);
      if (body) return packed(200, extname(file), body);
      return packed(404, ".html", await readFile(join(folder, "404.html")).catch(() => Buffer.from("Not found")));
    }
    return packed(404, ".txt", Buffer.from("Not found"));
  }

  const server = createSecureServer({ ...certificate, allowHTTP1: true }, async (request, response) => {
    try {
      const host = request.headers[":authority"] ?? request.headers.host;
      const address = `https://${host}${request.url.split("?")[0]}`;
      if (!answers.has(address)) answers.set(address, await answerTo(address));
      const { status, headers, body } = answers.get(address);
      response.writeHead(status, headers);
      response.end(request.method === "HEAD" ? undefined : body);
    } catch (error) {
      response.writeHead(500);
      response.end(String(error));
    }
  });
  await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: server.address().port, close: () => server.close() };
}

/** An answer with the headers that Pages sends, which count as bytes, too. */
function packed(status, extension, content) {
  const type = TYPES[extension] ?? "application/octet-stream";
  const compressed = COMPRESSED.test(type);
  const body = compressed ? gzipSync(content) : content;
  return {
    status,
    body,
    headers: {
      server: "GitHub.com",
      "content-type": type,
      "content-length": body.length,
      "access-control-allow-origin": "*",
      "cache-control": "max-age=600",
      etag: `W/"${createHash("sha256").update(content).digest("hex").slice(0, 12)}"`,
      "strict-transport-security": "max-age=31556952",
      ...(compressed && { "content-encoding": "gzip", vary: "Accept-Encoding" }),
    },
  };
}
