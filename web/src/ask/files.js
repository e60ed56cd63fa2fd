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

const SIDE = /(?:[\s_.:-]*\(?)(up|dn|down|dwn)\)?$/i;

/** Sets of names, up and down paired by them. */
export function pairSets(sets) {
  const pairs = new Map();
  for (const { name, genes } of sets) {
    const side = SIDE.exec(name), base = side ? name.slice(0, side.index) || name : name;
    const pair = pairs.get(base) ?? { name: base, up: [], down: [] };
    pair[side && !/^up$/i.test(side[1]) ? "down" : "up"].push(...genes);
    pairs.set(base, pair);
  }
  return [...pairs.values()];
}

/** Sets of a GMT, up and down paired by their names. */
export function readGmt(text) {
  const sets = [];
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim() || line.startsWith("#")) continue;
    const [name = "", , ...genes] = line.split("\t").map((item) => item.trim());
    sets.push({ name, genes: genes.filter(Boolean).map((gene) => gene.split(",")[0]) });
  }
  return pairSets(sets);
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
  const found = { sets: [], tables: [], failed: [] }, lists = [];
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
        const sets = readGmt(text).filter((pair) => pair.up.length + pair.down.length);
        found.sets.push(...sets);
        if (!sets.length) found.failed.push({ name: file.name, why: "holds no set; a line of GMT is a name, a description and genes, with tabs between" });
      }
    }
  }
  found.sets.push(...pairSets(lists));
  return found;
}
