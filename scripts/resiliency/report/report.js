// A link, or print, opens what its target is folded in.
function unfold() {
  const target = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (let fold = target; (fold = fold?.closest("details")); fold = fold.parentElement) fold.open = true;
  target?.scrollIntoView();
}
addEventListener("hashchange", unfold);
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
unfold();

// A column's head sorts its table: by the number that a cell begins with, or by its text; unknown values come last.
function value(row, column) {
  const cell = row.cells[column], text = cell.textContent.trim(), found = text.match(/^(−?[\d.,]+) ?([kMGT]?)/);
  if (!found || cell.tagName === "TH") return text === "–" ? "" : text;
  return Number(found[1].replace("−", "-").replaceAll(",", "")) * 1000 ** ["", "k", "M", "G", "T"].indexOf(found[2]);
}
function compare(a, b) { return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(b, "en", { numeric: true }); }
for (const table of document.querySelectorAll("table.cells")) {
  const heads = [...table.tHead.rows[0].cells], body = table.tBodies[0];
  heads.forEach((head, column) => head.firstElementChild.addEventListener("click", () => {
    const sign = head.ariaSort === "ascending" ? -1 : 1;
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.ariaSort = sign > 0 ? "ascending" : "descending";
    const rows = [...body.rows].map((row) => [value(row, column), row]);
    rows.sort(([a], [b]) => (a === "" || b === "" ? (a === "") - (b === "") : sign * compare(a, b)));
    body.append(...rows.map(([, row]) => row));
  }));
}

// Within the page of `snakemake --report` there are no files beside this one that links could lead to.
if (window !== window.top) {
  document.querySelectorAll(".files, #files ~ p").forEach((links) => links.remove());
  document.querySelectorAll('a[href]:not([href^="#"])').forEach((link) => link.replaceWith(link.textContent));
}
