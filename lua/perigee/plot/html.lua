-- A page that holds its figure and the figure's numbers, and needs nothing else: the SVG, then for
-- every panel its table, and buttons that save the numbers as CSV or JSON.

local json = require "perigee.json"
local markup = require "perigee.markup"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local words = require "perigee.plot.words"

local html = {}

-- JSON that may stand inside a <script>: there the three can only be in a string.
local function script_text(value)
  return (json.text(value):gsub("[<>&]", function(c) return ("\\u%04x"):format(c:byte()) end))
end

-- A word of the figure's, if it has that one, as it is shown.
local function shown(text) return text and words.plain(text) end

local column_names = {
  line = { "x", "y" }, scatter = { "x", "y" }, steps = { "x", "y" }, bars = { "x", "y" },
  errorbars = { "x", "y", "low", "high" }, band = { "x", "low", "high" },
}

-- A picture's or a shade's numbers by their columns.
local function matrix_table(kind, numbers, rows, columns)
  local names, list = {}, {}
  local grid = numbers:reshape(rows, columns)
  for j = 1, columns do
    names[j] = tostring(j)
    list[j] = grid:slice(nil, { j, j })
  end
  return { kind = kind, names = names, columns = list }
end

local function panel_tables(panel)
  local tables = {}
  local picture, shading = rawget(panel, "picture"), rawget(panel, "shading")
  if picture then
    tables[1] = matrix_table("image", picture.numbers, picture.height * picture.channels, picture.width)
  end
  if shading then tables[1] = matrix_table("heatmap", shading.numbers, shading.rows, shading.columns) end
  for _, series in ipairs(panel.series) do
    local names = column_names[series.kind]
    if names and series.columns then
      tables[#tables + 1] = { kind = series.kind, label = shown(series.label), columns = series.columns,
        names = #series.columns == #names and names or { "x", "y" } }
    end
  end
  return { title = shown(panel.title), xlabel = shown(panel.xlabel), ylabel = shown(panel.ylabel),
    tables = tables }
end

local PAGE = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="@header@">
<title>@title@</title>
<style>
body { font: 15px/1.4 Arial, sans-serif; color: @ink@; background: @paper@; margin: 2em auto;
  max-width: 70em; padding: 0 1em; }
svg { max-width: 100%; height: auto; }
table { border-collapse: collapse; font-size: 13px; font-variant-numeric: tabular-nums; margin: .5em 0; }
td, th { padding: .1em .7em; text-align: right; border-bottom: 1px solid @grid@; }
div.scroll { overflow: auto; max-height: 30em; }
summary { cursor: pointer; margin: .3em 0; }
button { font: inherit; margin: 0 .5em .5em 0; }
</style>
</head>
<body>
<figure>
@svg@
</figure>
<div id="numbers"></div>
<script type="application/json" id="data">@data@</script>
<script>
"use strict";
const panels = JSON.parse(document.getElementById("data").textContent).panels;
const place = document.getElementById("numbers");
function add(parent, tag, text) {
  const node = parent.appendChild(document.createElement(tag));
  if (text !== undefined) node.textContent = text;
  return node;
}
function save(name, type, text) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: type }));
  link.download = name;
  link.click();
}
const rows = t => t.columns.length ? t.columns[0].map((_, i) => t.columns.map(c => c[i])) : [];
const line = row => row.map(v => v === null ? "" : v).join(",");
const csv = t => [t.names].concat(rows(t)).map(line).join("\n") + "\n";
const all = add(place, "button", "save all numbers (JSON)");
all.onclick = () => save("figure.json", "application/json", document.getElementById("data").textContent);
panels.forEach((panel, p) => panel.tables.forEach((t, k) => {
  const details = add(place, "details");
  add(details, "summary", [panel.title || panel.ylabel || "panel " + (p + 1), t.label || t.kind].join(": "));
  const button = add(details, "button", "save (CSV)");
  button.onclick = () => save("panel" + (p + 1) + "-" + (k + 1) + ".csv", "text/csv", csv(t));
  details.ontoggle = () => {
    if (details.querySelector("table")) return;
    const table = add(add(details, "div"), "table");
    table.parentNode.className = "scroll";
    const head = add(table, "tr");
    t.names.forEach(name => add(head, "th", name));
    rows(t).slice(0, 1000).forEach(row => {
      const line = add(table, "tr");
      row.forEach(v => add(line, "td", v === null ? "" : v));
    });
    if (rows(t).length > 1000) add(details, "p", "The first 1000 of " + rows(t).length + " rows.");
  };
}));
</script>
</body>
</html>
]]

-- The page of a figure whose picture is `svg`.
function html.page(figure, svg)
  local panels = {}
  for i, panel in ipairs(figure.panels) do panels[i] = panel_tables(panel) end
  local look = figure.look
  local parts = { svg = svg:match "<svg.*</svg>", paper = look.background,
    ink = theme.colour(look, style.text), grid = theme.colour(look, style.grid),
    title = markup.text(shown(figure.title) or "figure"),
    header = markup.text(perigee.header()),
    data = script_text { title = shown(figure.title), panels = panels } }
  return (PAGE:gsub("@(%a+)@", parts))
end

return html
