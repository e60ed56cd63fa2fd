// Titles, meanings and looks of columns, from the file that the program's own downloads use too.
import words from "../../../src/beadwork/serve/answer/columns.json";
import { exactly, number, signed, typeName, units } from "./format.js";

export const title = (name) => words[name]?.title || name.replaceAll("_", " ").replace(/^[a-z]/, (letter) => letter.toUpperCase());

/** What a field means, with its name in files; of one without words its name alone. */
export const meaning = (name, help = words[name]?.help) => (help ? (title(name) === name ? help : `${help} (${name})`) : name);

const SIGNED = new Set(["ncs", "tau", "wtcs", "median_ncs", "z", "median_z", "es_up", "es_down", "cosine", "median_cosine",
  "mean_cosine", "shRNA", "CRISPR", "gain", "drugs", "effect", "list_score", "norm_cs", "raw_cs", "score", "spearman"]);
const NUMBERS = new Set(["tas", "median_tas", "distil_cc_q75", "distil_nsample", "fdr", "q", "shRNA", "CRISPR", "gain", "drugs", "inference_r", "n_positive", "n_negative", "p"]);
const Q = new Set(["fdr", "q", "q_control", "tau"]); // what is never blank: a missing one is not known, for a reason
/** Numbers whose columns may hold none at all; in files they are numbers all the same. */
const COUNTED = /^(is_gold|is_null_sig|n_\w+|distil_(nsample|cc_q75|ss)(_nc)?|ss_ngene(_nc)?|tas(_nc)?|pct_self_rank_q25(_nc)?|pert_(dose|time)|count_(mean|cv)|qc_\w+|(median|mean|sd)_\w+|q25|q75|rank|p|p_\w+)$/;
const EXACT = new Set(["pert_dose", "pert_time", "lowest_dose_um", "best_dose"]);
const wordless = (value) => value === null || value === undefined;
const WIDTHS = { pert_iname: 170, sig_id: 270, class: 240, moa: 220, target: 180, strip: 300, name: 170, against: 320, leading: 300,
  members: 100, list_score: 125, pert_type: 130, distil_cc_q75: 105, n_cells_agree: 135, n_agree: 170, lowest_dose_um: 135, mean_score_of_others: 130, drugs_used: 260, words: 280, indication: 220, disease_area: 150, n_replicates: 80, distil_nsample: 80, note: 260, label: 200 };

/** How a column is drawn; `kind` is number, text or what a view makes of it. */
export function column(name, more = {}) {
  const numeric = more.numeric || NUMBERS.has(name) || SIGNED.has(name);
  const shown = more.shown ?? (Q.has(name) ? (value) => (wordless(value) ? "not known" : name === "tau" ? signed(value, 1) : number(value))
    : SIGNED.has(name) ? (value) => signed(value)
    : EXACT.has(name) ? exactly
    : /_unit$/.test(name) ? units
    : name === "pert_type" ? typeName
    : name === "pert_idose" || name === "pert_itime" ? units
    : ["is_gold", "passes", "pass"].includes(name) ? (value) => (wordless(value) ? "" : Number(value) ? "yes" : "no")
    : number);
  const blank = (value) => wordless(value) || value === "";
  const drawn = Q.has(name) ? shown : (value, row) => (blank(value) ? "\u2013" : shown(value, row));
  return { name, title: title(name), help: words[name]?.help || "", hint: meaning(name, more.help), width: WIDTHS[name] || (numeric ? 95 : 130), signed: SIGNED.has(name), counted: COUNTED.test(name),
    unknown: Q.has(name), ...more, numeric, shown: drawn };
}

/** Columns of rows as they came: numbers are told from texts by what is in them. */
export function columnsOf(names, rows, more = {}) {
  return names.map((name) => column(name, {
    numeric: rows.some((row) => typeof row?.[name] === "number") && rows.every((row) => row?.[name] == null || typeof row[name] === "number"),
    ...more[name] }));
}
