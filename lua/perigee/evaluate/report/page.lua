-- The page that evaluate.report writes: its look, for light and dark screens, narrow ones and paper. It
-- fetches nothing and runs nothing, which it also tells the browser.

local markup = require "perigee.markup"

local page = {}

-- Figures have gnuplot's colours; in the dark, those of words, frames, grids and the
-- blue, which are too dark there, give way.
local STYLE = [[
:root { color-scheme: light dark; --ink: #1f2328; --paper: #fff; --muted: #59636e; --line: #d1d9e0;
  --rule: #8c959f; --head: #f6f8fa; --alarm: #a40e26; --tinted: #fff1ee; --grid: #e6e6e6; }
* { box-sizing: border-box; }
body { font: 16px/1.5 system-ui, "Helvetica Neue", Arial, sans-serif; color: var(--ink);
  background: var(--paper); max-width: 78rem; margin: 0 auto; padding: 1.5rem; overflow-wrap: break-word; }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 .75rem; }
h2 { font-size: 1.35rem; line-height: 1.3; margin: 2.5rem 0 .75rem; padding-top: 1rem;
  border-top: 2px solid var(--line); }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p, ul { margin: .5rem 0; max-width: 50rem; }
nav ul { padding-left: 1.25rem; }
a { color: inherit; }
.scroll { overflow-x: auto; }
figure { margin: 1rem 0; }
figcaption { color: var(--muted); font-size: .875rem; max-width: 50rem; margin-top: .25rem; }
figure svg { display: block; max-width: 100%; height: auto; }
figure image { image-rendering: pixelated; }
table { border-collapse: collapse; font-size: .875rem; font-variant-numeric: tabular-nums; margin: .25rem 0; }
td, th { padding: .25rem .65rem; text-align: right; vertical-align: top; white-space: nowrap;
  border-bottom: 1px solid var(--line); }
.words { text-align: left; white-space: normal; overflow-wrap: anywhere; min-width: 5.5rem; }
tbody th.words { font-weight: 600; min-width: 6.25rem; max-width: 16rem; overflow-wrap: break-word; }
thead th { background: var(--head); vertical-align: bottom; white-space: normal; overflow-wrap: normal; }
tbody + tbody { border-top: 2px solid var(--rule); }
.alarm { border-left: 4px solid var(--alarm); background: var(--tinted); padding: .5rem 1rem; margin: 1rem 0;
  max-width: 50rem; }
.alarm strong { color: var(--alarm); }
.alarm ul { padding-left: 1.1rem; }
footer { margin-top: 3rem; padding-top: .75rem; border-top: 2px solid var(--line); color: var(--muted);
  font-size: .8125rem; }
code { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: .95em; overflow-wrap: anywhere; }
@media (max-width: 50rem) {
  body { padding: 1rem; }
  td, th { padding: .25rem .4rem; }
  figure svg { max-width: none; }
}
@media screen and (prefers-color-scheme: dark) {
  :root { --ink: #e6edf3; --paper: #15191e; --muted: #9da7b3; --line: #343b44; --rule: #626c78;
    --head: #1f252c; --alarm: #ff8f82; --tinted: #2b1b1d; --grid: #2c333b; --blue: #3a9bdc; }
  figure svg rect[fill="#ffffff"] { fill: none; }
  figure svg [fill="#222222"], figure svg [fill="#000000"] { fill: var(--ink); }
  figure svg [color="#222222"], figure svg [color="black"] { color: var(--ink); }
  figure svg [stroke="#222222"] { stroke: var(--ink); }
  figure svg [fill="#555555"], figure svg [fill="#777777"] { fill: var(--muted); }
  figure svg [stroke="#555555"] { stroke: var(--muted); }
  figure svg [stroke="#e6e6e6"] { stroke: var(--grid); }
  figure svg [fill="#0072b2"] { fill: var(--blue); }
  figure svg [color="#0072b2"] { color: var(--blue); }
  figure svg [stroke="#0072b2"] { stroke: var(--blue); }
}
@media print {
  body { max-width: none; padding: 0; font-size: 10.5pt; }
  nav { display: none; }
  .scroll { overflow: visible; }
  figure svg { max-width: 100%; }
  figure, tr, .alarm { break-inside: avoid; }
  h2, h3 { break-after: avoid; }
}
]]

local DOCUMENT = [[
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8"/>
<meta name="viewport" content="width=device-width, initial-scale=1"/>
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:"/>
<meta name="generator" content="@header@"/>
<title>@title@</title>
<style>
@style@</style>
</head>
<body>
<header>
<h1 dir="auto">@title@</h1>
@text@
@contents@
</header>
<main>
@body@
</main>
<footer>
@footer@
</footer>
</body>
</html>
]]

-- Links to the sections, where there are several.
local function contents_of(sections)
  if #sections < 2 then return "" end
  local items = {}
  for i, section in ipairs(sections) do
    items[i] = markup.element("li", {}, markup.element("a", { href = "#section-" .. i }, section.title))
  end
  return markup.element("nav", { ["aria-label"] = "contents" },
    markup.element("ul", {}, table.concat(items, "\n")))
end

--- The whole page. about: { title =, text = (paragraphs; or nil), footer = markup }; sections: a list of
--- { title =, body = } in markup.
function page.document(about, sections)
  local bodies = {}
  for i, section in ipairs(sections) do
    local id = "section-" .. i
    bodies[i] = markup.element("section", { ["aria-labelledby"] = id },
      markup.element("h2", { id = id }, section.title) .. "\n" .. section.body)
  end
  local parts = { title = markup.text(about.title), header = markup.text(perigee.header()), style = STYLE,
    text = markup.paragraphs(about.text or ""), contents = contents_of(sections),
    body = table.concat(bodies, "\n"), footer = about.footer }
  return (DOCUMENT:gsub("@(%a+)@", parts))
end

return page
