// What is cut off or sticks out, in words; boxes that scroll by themselves may hold more than they show.
() => {
  const wide = document.documentElement.clientWidth, found = [];
  if (document.documentElement.scrollWidth > wide) found.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const say = (node) => `${node.tagName.toLowerCase()}${typeof node.className === "string" && node.className ? "." + node.className.trim().split(/\s+/).join(".") : ""} "${(node.textContent || "").trim().slice(0, 40)}"`;
  const hidden = (node) => node.closest("[hidden], .hidden, .skip, [role=tooltip], .tip, details:not([open]) > :not(summary), dialog:not([open]), option, noscript");
  for (const node of document.querySelectorAll("body *")) {
    const box = node.getBoundingClientRect();
    if (!box.width || !box.height || hidden(node) || getComputedStyle(node).visibility === "hidden") continue;
    const svg = node.closest("svg");
    if (svg) { // words of a plot stay within it
      if (node.tagName !== "text") continue;
      const outer = svg.getBoundingClientRect();
      if (box.right > outer.right + 1 || box.left < outer.left - 1) found.push(`cut in its plot: ${say(node)}`);
      continue;
    }
    for (let up = node.parentElement; up; up = up.parentElement) {
      const style = getComputedStyle(up);
      if (/auto|scroll/.test(style.overflowX)) break; // a box of its own that scrolls
      if (/hidden|clip/.test(style.overflowX)) {
        if (box.right > up.getBoundingClientRect().right + 1 && style.textOverflow !== "ellipsis") found.push(`cut: ${say(node)}`);
        break;
      }
      if (up === document.body && box.right > wide + 1) found.push(`beyond the page: ${say(node)}`);
    }
    if (node.matches("[role=gridcell], td") && /^[+\u2212]?[\d,]+(\.\d+)?( \S+)?$/.test(node.innerText) && node.scrollWidth > node.clientWidth + 1) {
      found.push(`a number is cut: ${say(node)}`);
    }
    const style = getComputedStyle(node);
    if (style.overflowX === "visible" && node.scrollWidth > node.clientWidth + 1 && node.clientWidth && style.display !== "inline") {
      const outer = node.parentElement;
      let scrolls = false;
      for (let up = outer; up; up = up.parentElement) if (/auto|scroll|hidden/.test(getComputedStyle(up).overflowX)) { scrolls = true; break; }
      if (!scrolls) found.push(`wider than its box: ${say(node)} ${node.scrollWidth} > ${node.clientWidth}`);
    }
  }
  return [...new Set(found)].slice(0, 12);
}
