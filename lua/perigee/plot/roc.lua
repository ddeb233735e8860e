-- plot.roc: how well reject scores tell clean samples from attacked ones: a curve for each model, with the
-- area under it. The dashed line is that of scores that say nothing.

local figures = require "perigee.plot.figure"
local judged = require "perigee.plot.judged"
local kinds = require "perigee.kinds"
local roc = require("perigee.metrics.ranking").roc
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

local EXPECTED = "what metrics.roc gives, an attack's result, or such by name, { dnr = r1, nr = r2 }"

local function curve_of(where, value)
  if kinds.is(value, "result") then
    judged.check_result(where, "roc", value)
    local ok, made = pcall(roc, value)
    if ok then return made end
    values.fail("%s: %s", where, (tostring(made):gsub("^.-metrics%.roc: ", "")))
  end
  if type(value) ~= "table" or kinds.of(value) ~= "roc" then
    values.expected(where, "roc", EXPECTED, value)
  end
  return value
end

-- { name =, curve = } of what was given: one of them, a list, or some by name, in the order of their names.
local function named_curves(where, subject)
  if type(subject) ~= "table" or kinds.of(subject) == "roc" then
    return { { curve = curve_of(where, subject) } }
  end
  local named = {}
  for key, value in pairs(subject) do
    named[#named + 1] = { name = tostring(key), curve = curve_of(where, value) }
  end
  if #named == 0 then values.expected(where, "roc", EXPECTED, subject) end
  table.sort(named, function(a, b) return a.name < b.name end)
  return named
end

local function figure(where, subject, options)
  local named = named_curves(where, subject)
  local room = 0
  for _, one in ipairs(named) do
    one.label = ("%sAUC %.4f%s"):format(one.name and one.name .. ", " or "", one.curve.auc,
      (one.curve.stopped_early or 0) > 0 and " (stopped early)" or "")
    room = math.max(room, style.legend_width(one.label))
  end
  local narrow = theme.is_narrow(theme.paper(where, options), 1, 480) -- the legend stands above
  if narrow then room = nil end
  local fig = figures.new { title = options.title, right = room, width = options.width or 400 + (room or 0),
    height = options.height or 360 + (options.title and style.figure_title or 0) }
  local panel = fig[1]
  panel:line({ 0, 1 }, { 0, 1 }, { color = "grey", dash = "dashed", width = 1 })
  for k, one in ipairs(named) do
    panel:line(one.curve.fpr, one.curve.tpr, { label = one.label, width = 2,
      color = style.colours[(k - 1) % #style.colours + 1], dash = style.line(k).dash })
  end
  panel.legend = narrow and true or "right"
  panel.xlabel = "false positive rate (adversarial, accepted)"
  panel.ylabel = "true positive rate (clean, accepted)"
  panel.xrange, panel.yrange = { -0.01, 1.01 }, { -0.01, 1.01 }
  return fig
end

return { options = {}, figure = figure }
