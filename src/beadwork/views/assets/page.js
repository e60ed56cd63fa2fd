// Tables that can be sorted by their heads and searched; without scripts they are plain tables.
"use strict";
const number = (text) => Number(text.replaceAll(",", "").replace("\u2212", "-"));
for (const table of document.querySelectorAll("table.sortable")) {
  const body = table.tBodies[0];
  const heads = [...table.tHead.rows[0].cells];
  const value = (row, column) => row.cells[column].dataset.value ?? row.cells[column].textContent.trim();
  heads.forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const down = head.getAttribute("aria-sort") === "ascending";
      const numbers = head.classList.contains("n");
      const order = (a, b) => {
        const [x, y] = [value(a, column), value(b, column)];
        const missing = (text) => text === "" || text === "NA";
        if (missing(x) !== missing(y)) return missing(x) ? 1 : -1; // missing values last, whichever the direction
        const compared = numbers ? number(x) - number(y) : x.localeCompare(y, undefined, { numeric: true });
        return down ? -compared : compared;
      };
      body.append(...[...body.rows].sort(order));
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", down ? "descending" : "ascending");
    });
  });
  const search = document.querySelector(`input[data-table="${table.id}"]`);
  const said = document.querySelector(`[data-count="${table.id}"]`);
  search?.addEventListener("input", () => {
    const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
    let shown = 0;
    for (const row of body.rows) {
      const text = row.textContent.toLowerCase();
      row.hidden = !words.every((word) => text.includes(word));
      shown += !row.hidden;
    }
    if (said) said.textContent = `${shown} of ${body.rows.length}`;
  });
}
