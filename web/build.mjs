// Builds the page into ../src/beadwork/serve/assets, the same bytes from the same sources: `npm ci && node build.mjs`.
// `--out FOLDER` writes elsewhere. Refused: licences that are not listed below, more than MOST_BYTES after gzip.
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

const LICENCES = ["MIT", "ISC", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "0BSD"];
const MOST_BYTES = 200_000;
const here = dirname(fileURLToPath(import.meta.url));
const at = process.argv.indexOf("--out");
const out = resolve(at > 0 ? process.argv[at + 1] : join(here, "../src/beadwork/serve/assets"));

const sha256 = (bytes) => createHash("sha256").update(bytes).digest("hex");
const packed = (bytes) => gzipSync(bytes, { level: 9 }).length;

function packages(inputs) {
  // packages that the bundle really holds, by the folders of its inputs
  const names = new Set();
  for (const path of inputs) {
    const found = /node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(path);
    if (found) names.add(found[1]);
  }
  return [...names].sort().map((name) => {
    const folder = join(here, "node_modules", name);
    const { version, license } = JSON.parse(readFileSync(join(folder, "package.json"), "utf8"));
    if (!LICENCES.includes(license)) throw new Error(`${name}: licence ${license} may not be bundled (${LICENCES.join(", ")})`);
    const file = readdirSync(folder).find((item) => /^licen[cs]e/i.test(item));
    return { name, version, licence: license, text: file ? readFileSync(join(folder, file), "utf8").trim() : "" };
  });
}

const result = await build({
  absWorkingDir: here, entryPoints: { app: "src/main.js", style: "src/style.css" }, outdir: out, bundle: true, minify: true,
  format: "esm", target: "es2022", charset: "utf8", legalComments: "none", write: false, metafile: true, logLevel: "warning",
});
const inputs = [...new Set(Object.values(result.metafile.outputs).flatMap((item) => Object.keys(item.inputs)))];
const found = packages(inputs);
const files = new Map(result.outputFiles.map((file) => [file.path.slice(out.length + 1), Buffer.from(file.contents)]));
files.set("index.html", readFileSync(join(here, "src/index.html")));
const size = [...files.values()].reduce((sum, bytes) => sum + packed(bytes), 0);
if (size > MOST_BYTES) throw new Error(`the page takes ${size} bytes after gzip; ${MOST_BYTES} are allowed`);

const third = found.map(({ name, version, licence, text }) =>
  `${name} ${version} (${licence})\n\n${text || `${licence}; the package holds no text of its licence.`}\n`);
files.set("THIRD_PARTY.txt", Buffer.from(`Software of others in app.js and style.css.\n\n${third.join(`\n${"-".repeat(80)}\n\n`)}`));
const record = {
  packages: found.map(({ text, ...item }) => item),
  files: [...files].sort().map(([name, bytes]) => ({ name, bytes: bytes.length, sha256: sha256(bytes) })),
};
files.set("bundle.json", Buffer.from(`${JSON.stringify(record, null, 1)}\n`));

mkdirSync(out, { recursive: true });
for (const name of readdirSync(out)) if (!files.has(name)) rmSync(join(out, name), { recursive: true });
for (const [name, bytes] of files) {
  writeFileSync(join(out, `${name}.part`), bytes);
  renameSync(join(out, `${name}.part`), join(out, name));
}
console.log(`${out}: ${size} bytes after gzip; ${found.map((item) => `${item.name} ${item.version}`).join(", ")}`);
