-- What the sections of a report have in common: headings, sentences, alarms, figures; all in markup.

local evidence = require "perigee.evaluate.evidence"
local markup = require "perigee.markup"
local output = require "perigee.plot.output"

local element = markup.element

local recipes = {
  attack = require "perigee.plot.attack", attacks = require "perigee.plot.attacks",
  security = require "perigee.plot.security",
}

local parts = { where = "evaluate.report" }

function parts.heading(words)
  return element("h3", {}, markup.text(words))
end

--- A paragraph of markup, or of a format with values in markup.
function parts.paragraph(words, ...)
  return element("p", {}, select("#", ...) > 0 and words:format(...) or words)
end

local paragraph = parts.paragraph

--- What is not to be overlooked: items, or words, in markup.
function parts.alarm(title, items, words)
  for i, item in ipairs(items) do items[i] = element("li", {}, item) end
  local list = #items > 0 and element("ul", {}, table.concat(items, "\n")) or ""
  return element("div", { class = "alarm", role = "note" }, element("strong", {}, markup.text(title)) .. "\n"
    .. list .. (words and paragraph(words) or ""))
end

--- What is said where runs have failed.
parts.failed = parts.alarm("Failed runs prove nothing", {}, "Where scores or gradient were not finite, "
  .. "nothing was attacked: such samples are counted as failed.")

local WITHOUT = "A figure is missing here: when this page was made there was no gnuplot (package "
  .. "gnuplot-nox)."

--- A figure by a recipe of plot's. report: counts the figures; about: { options =, label =, caption = (in
--- markup) }.
function parts.figure(report, recipe, subject, about)
  report.figures = report.figures + 1
  local drawn = output.svg(parts.where, recipes[recipe].figure(parts.where, subject, about.options or {}))
  local shown = drawn and markup.scroll(markup.svg(drawn, "figure" .. report.figures, about.label))
    or paragraph(WITHOUT)
  return element("figure", {}, shown .. "\n" .. element("figcaption", {}, about.caption))
end

--- "1 sample", "2 samples".
function parts.plural(n, word)
  return ("%d %s%s"):format(n, word, n == 1 and "" or "s")
end

--- k of n as a share, and Wilson's interval as text, for as many samples as are `different` ones (n); nil of
--- none.
function parts.share(k, n, different)
  if n == 0 then return nil end
  local found = evidence.interval(k, n, different or n)
  return k / n, ("%.3f–%.3f"):format(found.low, found.high)
end

--- Names and what they are, one below the other: rows of { setting =, value = }.
function parts.settings(rows)
  return markup.table({ { title = "setting", words = true }, { title = "value", words = true } }, { rows })
end

--- Does one of the rows have something else under the key than nothing and `idle`?
function parts.has(rows, key, idle)
  for _, row in ipairs(rows) do
    if row[key] ~= nil and row[key] ~= idle then return true end
  end
  return false
end

return parts
