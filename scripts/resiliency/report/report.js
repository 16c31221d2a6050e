const PHONE = 600;  // px, of a chart's frame
const FEW_ROWS = 8;  // of a table that needs no search
const WIDEST = 1.2;  // times its own width, at which a chart's letters are still those of the text

// Charts become live when they come near the screen. Until then, and in print, pictures stand in for them.
function draw(chart, layout) {
  chart.dataset.layout = layout;
  const spec = JSON.parse(document.querySelector(`script[data-chart="${chart.id}"]`).textContent);
  const live = document.createElement("div"), fitted = layout === "phone" ? forPhone(spec, chart.clientWidth) : spec;
  vegaEmbed(live, fitted, { renderer: "svg", actions: false }).then(() => {
    if (chart.dataset.layout !== layout) return;  // another width came meanwhile
    live.querySelectorAll(".role-mark").forEach((layer) => layer.setAttribute("aria-hidden", "true"));
    live.querySelectorAll("svg").forEach((svg) => { svg.style.maxWidth = `${WIDEST * svg.viewBox.baseVal.width}px`; });
    chart.replaceChildren(live);
    chart.dataset.drawn = "";
  });
}
const widths = new ResizeObserver((entries) => {
  for (const { target } of entries) {
    const layout = target.clientWidth < PHONE ? "phone" : "wide";
    if (target.clientWidth && target.dataset.layout !== layout) draw(target, layout);
  }
});
const near = new IntersectionObserver((entries) => {
  for (const { isIntersecting, target } of entries) {
    if (!isIntersecting) continue;
    near.unobserve(target);
    widths.observe(target);
  }
}, { rootMargin: "800px" });
document.querySelectorAll(".chart").forEach((chart) => near.observe(chart));

// A link, or print, opens what its target is folded in. On a phone the menu is closed until it is wanted.
function unfold(part) { for (let fold = part; (fold = fold?.closest("details")); fold = fold.parentElement) fold.open = true; }
const target = () => document.getElementById(decodeURIComponent(location.hash.slice(1)));
addEventListener("hashchange", () => { unfold(target()); target()?.scrollIntoView(); });
unfold(target());
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
const menu = document.querySelector("nav details"), narrow = matchMedia("(max-width: 64rem)");
const fit = () => { menu.open = !narrow.matches; };
narrow.addEventListener("change", fit);
fit();
menu.addEventListener("click", (event) => { if (event.target.closest("a")) fit(); });

// The menu marks the section that is read.
const links = new Map([...menu.querySelectorAll("a")].map((link) => [link.hash.slice(1), link]));
function mark() {
  const passed = [...links.keys()].filter((id) => {
    const part = document.getElementById(id);
    return part.checkVisibility() && part.getBoundingClientRect().top < innerHeight / 3;
  });
  links.forEach((link, id) => { if (id === passed.at(-1)) link.ariaCurrent = "true"; else link.removeAttribute("aria-current"); });
}
addEventListener("scroll", mark, { passive: true });
mark();

// A column's head sorts its table: by the value of a cell, or by its text; unknown values come last.
function value(row, column) {
  const cell = row.cells[column];
  const content = cell.dataset.value ?? cell.textContent.trim();
  return content === "" || Number.isNaN(Number(content)) ? content : Number(content);
}
function compare(a, b) {
  if (a === "" || b === "") return (a === "") - (b === "");
  return typeof a === "number" && typeof b === "number" ? a - b : String(a).localeCompare(String(b), "en", { numeric: true });
}
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  const body = table.tBodies[0];
  heads.forEach((head, column) => {
    const label = head.querySelector(".label");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sort";
    button.textContent = label.textContent;
    label.replaceWith(button);
    button.addEventListener("click", () => {
      const sign = head.ariaSort === "ascending" ? -1 : 1;
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.ariaSort = sign > 0 ? "ascending" : "descending";
      const rows = [...body.rows].map((row) => [value(row, column), row]);
      rows.sort(([a], [b]) => (a === "" || b === "" ? 1 : sign) * compare(a, b));
      body.append(...rows.map(([, row]) => row));
    });
  });
}

// Above each table: what it shows of its rows, and a copy of these with all digits.
function quoted(text) { return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text; }
function csv(table) {
  const heads = [...table.tHead.rows[0].cells];
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]).filter((row) => !row.hidden);
  const ends = heads.map((_, column) => rows.some((row) => row.cells[column].querySelector("[data-low]")));
  const line = (cells) => cells.map(quoted).join(",");
  const head = heads.flatMap((cell, column) => {
    const name = cell.querySelector(".sort").textContent;
    return ends[column] ? [name, `${name}, low`, `${name}, high`] : [name];
  });
  return [head, ...rows.map((row) => [...row.cells].flatMap((cell, column) => {
    const value = cell.dataset.value ?? cell.textContent.trim().replace(/\s+/g, " ");
    const { low = "", high = "" } = cell.querySelector("[data-low]")?.dataset ?? {};
    return ends[column] ? [value, low, high] : [value];
  }))].map(line).join("\n") + "\n";
}
async function copied(text) {
  try { await navigator.clipboard.writeText(text); return true; } catch { /* not allowed here: the old way */ }
  const area = document.createElement("textarea");
  area.value = text;
  document.body.append(area);
  area.select();
  const done = document.execCommand("copy");
  area.remove();
  return done;
}
for (const table of document.querySelectorAll("table.sortable")) {
  const frame = table.parentElement, name = frame.getAttribute("aria-label"), tools = document.createElement("div");
  tools.className = "tools";
  const rows = [...table.tBodies].flatMap((body) => [...body.rows]);
  if (rows.length > FEW_ROWS) {
    const field = document.createElement("input");
    field.type = "search";
    field.placeholder = "Search";
    field.setAttribute("aria-label", `Search: ${name}`);
    field.addEventListener("input", () => {
      const words = field.value.toLowerCase().split(/\s+/);
      rows.forEach((row) => { row.hidden = !words.every((word) => row.textContent.toLowerCase().includes(word)); });
      count.textContent = field.value.trim() ? `${rows.filter((row) => !row.hidden).length} of ${rows.length} rows` : "";
    });
    tools.append(field);
  }
  const button = document.createElement("button"), count = document.createElement("span");
  button.type = "button";
  button.textContent = "Copy as CSV";
  button.setAttribute("aria-label", `Copy as CSV: ${name}`);
  count.setAttribute("role", "status");
  button.addEventListener("click", async () => { count.textContent = (await copied(csv(table))) ? "Copied" : "The browser does not allow it"; });
  tools.append(button, count);
  frame.before(tools);
}

// Above the failures: a choice of class, of corruption, and of a member that is wrong.
for (const photos of document.querySelectorAll(".photos")) {
  const failures = [...photos.querySelectorAll(".failure")], parts = [...photos.querySelectorAll(".photo")];
  const tools = document.createElement("div"), count = document.createElement("span");
  const choices = [
    ["class", (failure) => [failure.closest(".photo").dataset.class]],
    ["corruption", (failure) => [failure.dataset.corruption]],
    ["member wrong", (failure) => failure.dataset.wrong.split("; ").filter(Boolean)],
  ];
  const fields = choices.map(([name, values]) => {
    const field = document.createElement("select");
    const known = [...new Set(failures.flatMap(values))].sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    field.append(new Option(`Any ${name}`, ""), ...known.map((value) => new Option(value, value)));
    field.setAttribute("aria-label", `Show failures of one ${name}`);
    field.addEventListener("change", show);
    return field;
  });
  function show() {
    const fits = (failure) => choices.every(([, values], place) => !fields[place].value || values(failure).includes(fields[place].value));
    // The image without a corruption stays beside the failures that are shown.
    failures.forEach((failure) => { failure.hidden = failure.previousElementSibling !== null && !fits(failure); });
    parts.forEach((photo) => { photo.hidden = !failures.some((failure) => photo.contains(failure) && fits(failure)); });
    count.textContent = `${parts.filter((photo) => !photo.hidden).length} of ${parts.length} images`;
  }
  tools.className = "tools";
  count.setAttribute("role", "status");
  tools.append(...fields, count);
  photos.before(tools);
  show();
}

// Within another page, as that of `snakemake --report`, there are no files beside this one that links could lead to.
if (window !== window.top) {
  document.querySelectorAll(".files, #files ~ p").forEach((links) => links.remove());
  document.querySelectorAll("a[href]").forEach((link) => {
    if (!/^(#|[a-z]+:)/.test(link.getAttribute("href"))) link.replaceWith(link.textContent);
  });
}
