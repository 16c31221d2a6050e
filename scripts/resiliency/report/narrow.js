// Charts are made for a desktop. On a phone they are drawn anew: panels below each other, titles and legends broken into
// lines. What is still too wide is scaled down as a whole.
const TITLE_EM = 0.56, LABELS = 110, AXIS = 60;
function broken(text, size, room) {
  const most = Math.max(12, Math.floor(room / (size * TITLE_EM)));
  return [text].flat().flatMap((line) => {
    const lines = [""];
    for (const word of line.split(" ")) {
      const last = lines.length - 1;
      if (lines[last] && lines[last].length + word.length + 1 > most) lines.push(word);
      else lines[last] += (lines[last] ? " " : "") + word;
    }
    return lines;
  });
}
function brokenTitle(title, room, config = {}) {
  if (!title || typeof title === "string" || Array.isArray(title)) return title && broken(title, 13, room);
  const found = { ...title, text: broken(title.text, title.fontSize ?? config.fontSize ?? 13, room) };
  if (title.subtitle) found.subtitle = broken(title.subtitle, title.subtitleFontSize ?? config.subtitleFontSize ?? 12, room);
  if (title.limit) found.limit = room;
  return found;
}
function narrowChannel(name, channel, below) {
  if (Array.isArray(channel)) return channel;
  const found = { ...channel };
  if (found.legend) found.legend = { ...found.legend, orient: "bottom", columns: name === "shape" || found.legend.columns > 1 ? 1 : found.legend.columns, labelLimit: 280 };
  if (["x", "y"].includes(name) && found.axis) {
    const axis = found.axis = { ...found.axis };
    for (const end of ["minExtent", "maxExtent"]) if (axis[end]) axis[end] = Math.min(axis[end], LABELS);
    if (name === "y") axis.labelLimit = LABELS - 8;
    // The labels of a panel that had a neighbour to the left with the same axis.
    if (name === "y" && below && axis.labels === false) { delete axis.labels; delete axis.minExtent; delete axis.maxExtent; }
  }
  return found;
}
// The room that names beside the ends of lines need.
function beside(chart) {
  return Math.max(0, ...(chart.layer ?? []).map((part) => (part.layer ? beside(part) : part.mark?.type === "text" && part.mark.limit) || 0));
}
function narrowed(spec, room, config, below = false) {
  const found = { ...spec };
  if (found.title) found.title = brokenTitle(found.title, room, found.config?.title);
  if (found.encoding) {
    found.encoding = Object.fromEntries(Object.entries(found.encoding).map(([name, channel]) => [name, narrowChannel(name, channel, below)]));
  }
  const panels = found.hconcat ?? found.concat;
  const inner = (parts) => parts.map((part, place) => narrowed(part, room, config, below || place > 0));
  if (panels) {
    const small = panels.every((panel) => (panel.width ?? room) * 2 + LABELS < room);
    delete found.hconcat;
    if (!small) { delete found.concat; delete found.columns; delete found.align; found.vconcat = inner(panels); found.spacing = 22; }
    else { found.concat = panels.map((panel) => narrowed(panel, room, config, below)); found.columns = 2; }
  }
  // Rows of panels whose titles stand above the first row alone.
  const heads = found.vconcat?.[0]?.hconcat?.map((panel) => panel.title);
  if (heads) found.vconcat = found.vconcat.map((row) => (row.hconcat?.length === heads.length
    ? { ...row, hconcat: row.hconcat.map((panel, place) => ({ title: heads[place], ...panel })) } : row));
  if (found.vconcat && !panels) found.vconcat = found.vconcat.map((part) => narrowed(part, room, config, below));
  if (found.layer) found.layer = found.layer.map((part) => narrowed(part, room, config, below));
  if (typeof found.width === "number") found.width = Math.min(found.width, room - (beside(found) ? beside(found) + AXIS : LABELS - 20));
  delete found.bounds;
  return found;
}
function forPhone(spec, room) {
  const found = narrowed(spec, room - 24);
  found.config = { ...found.config, legend: { ...found.config?.legend, orient: "bottom", titleLimit: room - 40 } };
  return found;
}
