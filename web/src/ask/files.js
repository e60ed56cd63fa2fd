// What people drop on the boxes: lists, GMT, GRP; everything with columns is left to the server, which knows the kinds.
const MARKS = [[[0xff, 0xfe], "utf-16le"], [[0xfe, 0xff], "utf-16be"]];
const MOST_TEXT = 8_388_608, MOST_VALUES = 268_435_456; // as the server takes them
const MOST_FILES = 50;
const VALUES = /\.(h5ad|gctx?|parquet|npz)(\.gz)?$/i, BINARY = /\.(xlsx?|gz)$/i;

/** Text of a file; spreadsheets write UTF-16 with a mark at the start. */
export function textOf(buffer) {
  const start = new Uint8Array(buffer.slice(0, 2));
  const found = MARKS.find(([mark]) => mark[0] === start[0] && mark[1] === start[1]);
  return new TextDecoder(found ? found[1] : "utf-8").decode(buffer).replace(/^\ufeff/, "");
}

export const genesOf = (text) => text.split(/[\s,;]+/).filter(Boolean);

const SIDE = /(?:^|[\s_.:-]|(?=\())\(?(up|dn|down|dwn)\)?$/i; // a word of its own: knockdown and group are no sides

/** A name without its side, and the side: "up", "down" or none. */
function sideOf(name) {
  const found = SIDE.exec(name);
  return found ? { base: name.slice(0, found.index).replace(/[\s_.:-]+$/, "") || "query", side: /^up$/i.test(found[1]) ? "up" : "down" } : { base: name, side: null };
}

/** The same of p53up, where p53dn is there too. */
function joined(name, names) {
  const found = /^(.*[^\s_.:(-])(up|dn|down|dwn)$/i.exec(name);
  if (!found) return null;
  const side = /^up$/i.test(found[2]) ? "up" : "down", base = found[1];
  return (side === "up" ? ["dn", "down", "dwn"] : ["up"]).some((word) => names.has(base.toLowerCase() + word)) ? { base, side } : null;
}

/** Sets of names, up and down paired by them; `side` is that of the file, for names that have none. */
export function pairSets(sets) {
  const pairs = new Map(), names = new Set(sets.map((set) => set.name.toLowerCase()));
  for (const { name, genes, side: ofFile } of sets) {
    const { base, side } = joined(name, names) ?? sideOf(name), pair = pairs.get(base) ?? { name: base, up: [], down: [] };
    pair[side ?? ofFile ?? "up"].push(...genes);
    pairs.set(base, pair);
  }
  return [...pairs.values()];
}

/** Sets of a GMT, by name. */
function readGmt(text) {
  const sets = [];
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim() || line.startsWith("#")) continue;
    const [name = "", , ...genes] = line.split("\t").map((item) => item.trim());
    sets.push({ name, genes: genes.filter(Boolean).map((gene) => gene.split(",")[0]) });
  }
  return sets.filter((set) => set.genes.length);
}

/** What a file is, by its name and its first lines: gmt, list or table. */
export function kindOf(name, text) {
  if (/\.gmt$/i.test(name)) return "gmt";
  if (/\.(grp|list)$/i.test(name)) return "list";
  const lines = text.split(/\r?\n/).filter((line) => line.trim() && !line.startsWith("#")).slice(0, 20);
  const fields = lines.map((line) => line.split(/\t|,|;/).length);
  return fields.some((n) => n > 1) && lines.length > 1 ? "table" : "list";
}

const bytes = (n) => `${Math.round(n / 1_048_576)} MB`;

/** Files as {sets: [{name, up, down}], tables: [{file, name}], failed: [{name, why}]}; nothing is dropped without a word. */
export async function readFiles(files) {
  const found = { sets: [], tables: [], failed: [] }, lists = [], gmts = new Map();
  for (const [at, file] of files.entries()) {
    const most = VALUES.test(file.name) ? MOST_VALUES : MOST_TEXT;
    if (at >= MOST_FILES) found.failed.push({ name: file.name, why: `more than ${MOST_FILES} files at a time` });
    else if (file.size === 0) found.failed.push({ name: file.name, why: "the file is empty" });
    else if (file.size > most) found.failed.push({ name: file.name, why: `${bytes(file.size)}, up to ${bytes(most)} are read here; \`beadwork signature\` and \`beadwork query\` read it` });
    else if (VALUES.test(file.name) || BINARY.test(file.name)) found.tables.push({ file, name: file.name });
    else {
      const text = textOf(await file.arrayBuffer()), kind = kindOf(file.name, text), plain = file.name.replace(/\.[^.]*$/, "");
      if (kind === "table") found.tables.push({ file, name: file.name });
      else if (kind === "list") lists.push({ name: plain, genes: genesOf(text.split(/\r?\n/).filter((line) => !line.startsWith("#")).join("\n")) });
      else {
        // x_up.gmt and x_dn.gmt are the two halves of the same questions; other files stand by themselves
        const sets = readGmt(text), { base, side } = sideOf(plain), key = side ? `half ${base}` : at;
        gmts.set(key, [...(gmts.get(key) ?? []), ...sets.map((set) => ({ ...set, side }))]);
        if (!sets.length) found.failed.push({ name: file.name, why: "holds no set; a line of GMT is a name, a description and genes, with tabs between" });
      }
    }
  }
  for (const sets of [...gmts.values(), lists]) found.sets.push(...pairSets(sets));
  return found;
}
