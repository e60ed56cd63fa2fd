// What people drop on the boxes: sets of GMT are read here; lists and everything with columns by the server, which knows the kinds.
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

/** A name without what lists of programs put around it: quotes of any kind, brackets, c( of R, a full stop or a colon. */
function bare(token) {
  const name = token.replace(/^c\((?=.)/, "").replace(/^[\s"'`\u2018\u2019\u201c\u201d\u00ab\u00bb[{]+|["'`\u2018\u2019\u201c\u201d\u00ab\u00bb\]}.:]+$/g, "");
  const [opened, closed] = [name.includes("("), name.includes(")")], around = name.startsWith("(") && name.endsWith(")");
  const inner = around || (opened !== closed) ? name.replace(/^\(|\)$/g, "") : name;
  return inner === token ? token : bare(inner);
}

/** Names of a text, by blanks, commas, semicolons or lines. */
export const genesOf = (text) => text.split(/[\s,;\u200b\ufeff]+/).map(bare).filter(Boolean);

// a word of its own at the end (knockdown and group are no sides), or before words that say no more: p53_up, up genes, downregulated
const MORE = String.raw`(?:[\s_.-]?regulated)?(?:[\s_.-](?:genes?|list|sets?|symbols?|ids?))*`;
const SIDE = new RegExp(String.raw`(?:^|[\s_.:-]|(?=\())\(?(up|dn|down|dwn)\)?${MORE}$`, "i"), FIRST = new RegExp(String.raw`^(up|dn|down|dwn)${MORE}[\s_.:-]+(?=\S)`, "i");

const sideWord = (text) => (/^up$/i.test(text) ? "up" : "down");

/** A name without its side, and the side: "up", "down" or none. */
function sideOf(name) {
  const found = SIDE.exec(name);
  return found ? { base: name.slice(0, found.index).replace(/[\s_.:-]+$/, "") || "query", side: sideWord(found[1]) } : { base: name, side: null };
}

/** The same of p53up and of up_p53, where p53dn and down_p53 are there too: alone they may be other words (Down syndrome). */
function partnered(names) {
  const ends = new Map();
  for (const name of names) {
    for (const [found, base, word] of [[/^(.*[^\s_.:(-])(up|dn|down|dwn)$/i.exec(name), 1, 2], [FIRST.exec(name), null, 1]]) {
      if (!found) continue;
      const rest = base ? found[base] : name.slice(found[0].length), key = `${base ?? 0} ${rest.toLowerCase()}`;
      ends.set(key, [...(ends.get(key) ?? []), { name, base: rest, side: sideWord(found[word]) }]);
    }
  }
  const pairs = [...ends.values()].filter((some) => new Set(some.map(({ side }) => side)).size === 2).flat();
  return new Map(pairs.filter(({ name }) => !sideOf(name).side).map(({ name, base, side }) => [name, { base, side }]));
}

/** Sides of some names, as a function of a name. */
const sidesOf = (names) => { const pairs = partnered(names); return (name) => pairs.get(name) ?? sideOf(name); };

/** Sets of names, up and down paired by them; `side` is that of the file, for names that have none.  Two of one name and side stay apart. */
export function pairSets(sets) {
  const pairs = new Map(), sides = sidesOf(sets.map(({ name }) => name));
  for (const { name, genes, side: ofFile } of sets) {
    const { base, side } = sides(name), own = side ?? ofFile ?? "up", key = base.toLowerCase();
    const found = pairs.get(key), pair = found && !found[own].length ? found : { name: base, up: [], down: [] };
    pair[own].push(...genes);
    pairs.set(found && pair !== found ? `${key} ${pairs.size}` : key, pair);
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

/** Name of a file without its ending. */
export const stem = (file) => file.name.replace(/\.[^.]*$/, "");

/** What a file is, by its name and its first lines: gmt, list or table. */
export function kindOf(name, text) {
  if (/\.gmt$/i.test(name)) return "gmt";
  if (/\.(grp|list)$/i.test(name)) return "list";
  const lines = text.split(/\r?\n/).filter((line) => line.trim() && !line.startsWith("#")).slice(0, 20);
  const fields = lines.map((line) => line.split(/\t|,|;/).length);
  return fields.some((n) => n > 1) && lines.length > 1 ? "table" : "list";
}

const bytes = (n) => `${Math.round(n / 1_048_576)} MB`;

/** Genes of a list, as the server reads it: without a heading, quotes and weights; a table where it holds several sets. */
async function readList(file, name, ask, found, lists) {
  try {
    const data = await ask(file);
    if (data.kind !== "sets" || data.queries.length > 1) { found.tables.push({ file, name: file.name }); return; }
    const [{ up, down }] = data.queries;
    lists.push({ name, genes: [...up, ...down] });
    found.notes.push(...data.notes);
  } catch (error) { found.failed.push({ name: file.name, why: error.message.replace(`${file.name}: `, "") }); }
}

/**
 * Files as {sets: [{name, up, down}], tables: [{file, name}], failed: [{name, why}], notes}; nothing is dropped without a
 * word.  `ask(file)` asks the server what a list holds.
 */
export async function readFiles(files, ask) {
  const found = { sets: [], tables: [], failed: [], notes: [] }, lists = [], gmts = new Map();
  const sides = sidesOf([...files].map(stem));
  for (const [at, file] of files.entries()) {
    const most = VALUES.test(file.name) ? MOST_VALUES : MOST_TEXT;
    if (at >= MOST_FILES) found.failed.push({ name: file.name, why: `more than ${MOST_FILES} files at a time` });
    else if (file.size === 0) found.failed.push({ name: file.name, why: "the file is empty" });
    else if (file.size > most) found.failed.push({ name: file.name, why: `${bytes(file.size)}, up to ${bytes(most)} are read here; \`beadwork signature\` and \`beadwork query\` read it` });
    else if (VALUES.test(file.name) || BINARY.test(file.name)) found.tables.push({ file, name: file.name });
    else {
      const text = textOf(await file.arrayBuffer()), kind = kindOf(file.name, text), plain = stem(file);
      if (kind === "table") found.tables.push({ file, name: file.name });
      else if (kind === "list") await readList(file, plain, ask, found, lists);
      else {
        // x_up.gmt and x_dn.gmt are the two halves of the same questions; other files stand by themselves
        const sets = readGmt(text), { base, side } = sides(plain), key = side ? `half ${base}` : at;
        gmts.set(key, [...(gmts.get(key) ?? []), ...sets.map((set) => ({ ...set, side }))]);
        if (!sets.length) found.failed.push({ name: file.name, why: "holds no set; a line of GMT is a name, a description and genes, with tabs between" });
      }
    }
  }
  for (const sets of [...gmts.values(), lists]) found.sets.push(...pairSets(sets));
  return found;
}
