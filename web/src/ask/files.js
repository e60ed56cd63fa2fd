// What people drop on the boxes: lists, GMT, GRP; everything with columns is left to the server, which knows the kinds.
const MARKS = [[[0xff, 0xfe], "utf-16le"], [[0xfe, 0xff], "utf-16be"]];

/** Text of a file; spreadsheets write UTF-16 with a mark at the start. */
export function textOf(buffer) {
  const start = new Uint8Array(buffer.slice(0, 2));
  const found = MARKS.find(([mark]) => mark[0] === start[0] && mark[1] === start[1]);
  return new TextDecoder(found ? found[1] : "utf-8").decode(buffer).replace(/^\ufeff/, "");
}

export const genesOf = (text) => text.split(/[\s,;]+/).filter(Boolean);

const SIDE = /(?:[\s_.:-]*\(?)(up|dn|down|dwn)\)?$/i;

/** Sets of a GMT, up and down paired by their names. */
export function readGmt(text) {
  const pairs = new Map();
  for (const line of text.split(/\r?\n/)) {
    if (!line.trim() || line.startsWith("#")) continue;
    const [name = "", , ...genes] = line.split("\t").map((item) => item.trim());
    const side = SIDE.exec(name), base = side ? name.slice(0, side.index) : name;
    const pair = pairs.get(base) ?? { name: base, up: [], down: [] };
    pair[side && !/^up$/i.test(side[1]) ? "down" : "up"].push(...genes.filter(Boolean).map((gene) => gene.split(",")[0]));
    pairs.set(base, pair);
  }
  return [...pairs.values()];
}

/** What a file is, by its name and its first lines: gmt, list or table. */
export function kindOf(name, text) {
  if (/\.gmt$/i.test(name)) return "gmt";
  if (/\.(grp|list)$/i.test(name)) return "list";
  const lines = text.split(/\r?\n/).filter((line) => line.trim() && !line.startsWith("#")).slice(0, 20);
  const fields = lines.map((line) => line.split(/\t|,|;/).length);
  return fields.some((n) => n > 1) && lines.length > 1 ? "table" : "list";
}
