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
  const wrapped = { ...title, text: broken(title.text, title.fontSize ?? config.fontSize ?? 13, room) };
  if (title.subtitle) wrapped.subtitle = broken(title.subtitle, title.subtitleFontSize ?? config.subtitleFontSize ?? 12, room);
  if (title.limit) wrapped.limit = room;
  return wrapped;
}
function narrowChannel(name, channel, below) {
  if (Array.isArray(channel)) return channel;
  const narrower = { ...channel };
  if (narrower.legend) narrower.legend = { ...narrower.legend, orient: "bottom", columns: name === "shape" || narrower.legend.columns > 1 ? 1 : narrower.legend.columns, labelLimit: 280 };
  if (["x", "y"].includes(name) && narrower.axis) {
    const axis = narrower.axis = { ...narrower.axis };
    for (const end of ["minExtent", "maxExtent"]) if (axis[end]) axis[end] = Math.min(axis[end], LABELS);
    if (name === "y") axis.labelLimit = LABELS - 8;
    // The labels of a panel that had a neighbour to the left with the same axis.
    if (name === "y" && below && axis.labels === false) { delete axis.labels; delete axis.minExtent; delete axis.maxExtent; }
  }
  return narrower;
}
// The room that names beside the ends of lines need.
function beside(chart) {
  return Math.max(0, ...(chart.layer ?? []).map((part) => (part.layer ? beside(part) : part.mark?.type === "text" && part.mark.limit) || 0));
}
function narrowed(spec, room, config, below = false) {
  const narrower = { ...spec };
  if (narrower.title) narrower.title = brokenTitle(narrower.title, room, narrower.config?.title);
  if (narrower.encoding) {
    narrower.encoding = Object.fromEntries(Object.entries(narrower.encoding).map(([name, channel]) => [name, narrowChannel(name, channel, below)]));
  }
  const panels = narrower.hconcat ?? narrower.concat;
  const inner = (parts) => parts.map((part, place) => narrowed(part, room, config, below || place > 0));
  if (panels) {
    const small = panels.every((panel) => (panel.width ?? room) * 2 + LABELS < room);
    delete narrower.hconcat;
    if (!small) { delete narrower.concat; delete narrower.columns; delete narrower.align; narrower.vconcat = inner(panels); narrower.spacing = 22; }
    else { narrower.concat = panels.map((panel) => narrowed(panel, room, config, below)); narrower.columns = 2; }
  }
  // Rows of panels whose titles stand above the first row alone.
  const heads = narrower.vconcat?.[0]?.hconcat?.map((panel) => panel.title);
  if (heads) narrower.vconcat = narrower.vconcat.map((row) => (row.hconcat?.length === heads.length
    ? { ...row, hconcat: row.hconcat.map((panel, place) => ({ title: heads[place], ...panel })) } : row));
  if (narrower.vconcat && !panels) narrower.vconcat = narrower.vconcat.map((part) => narrowed(part, room, config, below));
  if (narrower.layer) narrower.layer = narrower.layer.map((part) => narrowed(part, room, config, below));
  if (typeof narrower.width === "number") narrower.width = Math.min(narrower.width, room - (beside(narrower) ? beside(narrower) + AXIS : LABELS - 20));
  delete narrower.bounds;
  return narrower;
}
function forPhone(spec, room) {
  const phone = narrowed(spec, room - 24);
  phone.config = { ...phone.config, legend: { ...phone.config?.legend, orient: "bottom", titleLimit: room - 40 } };
  return phone;
}
