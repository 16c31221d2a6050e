// Charts are made for a desktop. On a phone they are drawn anew: panels below each other; titles, legends and names of rows
// broken into lines. What is still too wide is scaled down as a whole.
const TITLE_EM = 0.56, LABELS = 110, NAMES = 210;
const LETTER = 6.2, SYMBOL = 24, STROKE = 44;  // px, of entries of legends
const LEGENDS = ["color", "fill", "stroke", "shape", "strokeDash"];
const ROOMY = 30;  // px, height of a row that holds a name of several lines
const LINE = 12.5;  // px
const IN_LINES = "split(replace(datum.label, regexp('(.{7,}?) ', 'g'), '$1\\n'), '\\n')";
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
// As many columns as have room for the longest name; undefined where the names are not known.
function columnsOf(channel, room) {
  const names = ["nominal", "ordinal"].includes(channel.type) ? channel.scale?.domain : undefined;
  if (!Array.isArray(names) || !names.length) return undefined;
  const symbol = channel.legend?.symbolType === "stroke" ? STROKE : SYMBOL;
  const longest = Math.max(...names.map((name) => String(name).length)) * LETTER + symbol;
  return Math.max(1, Math.min(names.length, Math.floor(room / longest)));
}
function narrowLegend(name, channel, room) {
  const columns = columnsOf(channel, room);
  if (channel.legend === null || !(channel.legend || (columns && LEGENDS.includes(name)))) return channel;
  return { ...channel, legend: { ...channel.legend, orient: "bottom", columns: columns ?? channel.legend?.columns, labelLimit: room - STROKE } };
}
// How wide a panel is whose columns have a width each; undefined for others.
function stepped(spec) {
  const domain = (spec.encoding ?? spec.layer?.[0]?.encoding)?.x?.scale?.domain;
  return spec.width?.step && Array.isArray(domain) ? spec.width.step * domain.length : undefined;
}
// How many lines each name of a row has, broken as by IN_LINES; undefined where there are none.
function linesOf(spec) {
  const y = spec.encoding?.y, names = y?.type === "nominal" ? y.sort ?? y.scale?.domain : undefined;
  if (!Array.isArray(names)) return (spec.layer ?? []).map(linesOf).find(Boolean);
  return names.map((name) => String(name).replace(/(.{7,}?) /g, "$1\n").split("\n").length);
}
// Rows as high as their names.
function heightened(spec) {
  const lines = linesOf(spec), step = spec.height?.step;
  if (!(step >= ROOMY) || !lines) return spec;
  return { ...spec, height: { ...spec.height, step: Math.max(step, LINE * Math.max(...lines) + 4) } };
}
function narrowChannel(name, channel, panel) {
  if (Array.isArray(channel)) return channel;
  const narrower = narrowLegend(name, { ...channel }, panel.room);
  if (channel.condition?.type) narrower.condition = narrowLegend(name, channel.condition, panel.room);
  if (["x", "y"].includes(name) && narrower.axis) {
    const axis = narrower.axis = { ...narrower.axis };
    for (const end of ["minExtent", "maxExtent"]) if (axis[end]) axis[end] = Math.min(axis[end], panel.names);
    if (name === "y") axis.labelLimit = panel.names - 8;
    if (name === "y" && channel.type === "nominal" && panel.roomy && !axis.labelExpr) {
      axis.labelExpr = IN_LINES;
      axis.labelOffset = -LINE * (Math.max(...(panel.lines ?? [1])) - 1) / 2;  // their middle beside that of the row
    }
    // The labels of a panel that had a neighbour to the left with the same axis.
    if (name === "y" && panel.below && axis.labels === false) { delete axis.labels; delete axis.minExtent; delete axis.maxExtent; }
  }
  return narrower;
}
// Pictures as small as there is room for, so that names beside them need not shrink with them.
function smaller(spec, room) {
  const columns = spec.encoding?.x?.scale?.domain?.length, step = Math.floor((room - LABELS) / columns);
  if (spec.mark?.type !== "image" || !(step < spec.width?.step)) return spec;
  const side = step - (spec.width.step - spec.mark.width), x = { ...spec.encoding.x };
  if (x.axis?.labelAngle) x.axis = { ...x.axis, labelAngle: -60 };
  return {
    ...spec, mark: { ...spec.mark, width: side, height: side }, encoding: { ...spec.encoding, x },
    width: step * columns, height: { step: Math.max(step, ROOMY) },
  };
}
function narrowed(whole, room, config, below = false, above = {}) {
  const spec = heightened(smaller(whole, room)), narrower = { ...spec }, width = stepped(spec);
  const panel = {
    room, below,
    names: width ? Math.max(NAMES, room - width) : above.names ?? LABELS,
    roomy: (spec.height?.step ?? 0) >= ROOMY || (above.roomy ?? false),
    lines: linesOf(spec) ?? above.lines,
  };
  if (narrower.title) narrower.title = brokenTitle(narrower.title, room, narrower.config?.title);
  if (narrower.encoding) {
    narrower.encoding = Object.fromEntries(Object.entries(narrower.encoding).map(([name, channel]) => [name, narrowChannel(name, channel, panel)]));
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
  if (narrower.layer) narrower.layer = narrower.layer.map((part) => narrowed(part, room, config, below, panel));
  if (typeof narrower.width === "number") narrower.width = Math.min(narrower.width, room - LABELS + 20);
  delete narrower.bounds;
  return narrower;
}
function forPhone(spec, room) {
  const phone = narrowed(spec, room - 24);
  phone.config = { ...phone.config, legend: { ...phone.config?.legend, orient: "bottom", titleLimit: room - 40, layout: { bottom: { direction: "vertical", anchor: "start" } } } };
  return phone;
}
