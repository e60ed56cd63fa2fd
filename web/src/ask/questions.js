// One kept question in a list.
import { html } from "../core/html.js";
import { link } from "../core/route.js";

export const when = (created) => {
  const date = new Date(typeof created === "number" ? created * 1000 : created);
  return Number.isNaN(date.getTime()) ? "" : date.toISOString().slice(0, 16).replace("T", " ");
};

export const questionWords = (row) => row.question_words ?? row.words ?? "";

export const QuestionRow = ({ row }) => html`<li><a href=${link("q", row.id)}>${row.name || "query"}</a> <span class="soft">${when(row.created)}${questionWords(row) && ` · ${questionWords(row)}`}${row.note && ` · ${row.note}`}</span></li>`;
