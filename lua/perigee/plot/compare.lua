-- plot.compare: several attacks on several models: how much of each model every attack leaves, with Wilson's
-- 95 % intervals, as bars or as a map.
--
-- A circle (in a map a star) marks counts that prove nothing, because the attack's gradient had vanished
-- (perigee/masked.lua). What counts as held is the option `rejection`, a convention that the axis names.

local convention_of = require "perigee.conventions"
local figures = require "perigee.plot.figure"
local kinds = require "perigee.kinds"
local masked = require "perigee.masked"
local style = require "perigee.plot.style"
local values = require "perigee.plot.values"
local width_of = require("perigee.text").width
local wilson = require("perigee.metrics.intervals").wilson

local EXPECTED = "results by model and attack, { dnr = { pgd = r1, fmn = r2 }, nr = { … } }"
local MASKED = "masked"
-- Neighbours are told apart in grey as well.
local BARS = { style.blue, style.orange, style.green, style.purple, style.sky, style.vermillion, style.grey }
local LETTER, BOLD = 7.4, 11 -- the widths of a letter beside an axis and in a title, on the generous side

local function wide_enough(view, width) return math.max(width, BOLD * width_of(view.title) + 24) end

-- ---- What was given -------------------------------------------------------------------------------

-- The keys in the order that the option names, else sorted.
local function names_of(where, key, found, options)
  local list = options[key]
  if list == nil then
    list = {}
    for name in pairs(found) do list[#list + 1] = name end
    table.sort(list, function(a, b) return tostring(a) < tostring(b) end)
    return list
  end
  if type(list) ~= "table" or #list == 0 then values.expected(where, key, "a list of their names", list) end
  for i = 1, #list do -- ipairs would end at once of an object that has none
    local name = list[i]
    if name == nil or not found[name] then
      values.expected(where, key, "names of those that were given", name)
    end
  end
  return list
end

local function check_results(where, subject)
  local attacks = {}
  if type(subject) ~= "table" or next(subject) == nil then
    values.expected(where, "results", EXPECTED, subject)
  end
  for model, by_attack in pairs(subject) do
    if type(by_attack) ~= "table" or next(by_attack) == nil then
      values.expected(where, tostring(model), EXPECTED, by_attack)
    end
    for name, result in pairs(by_attack) do
      if not kinds.is(result, "result") then
        values.expected(where, ("%s, %s"):format(tostring(model), tostring(name)), "an attack's result",
          result)
      elseif #result == 0 then
        values.fail("%s: %s, %s: there are no samples in this result", where, tostring(model), tostring(name))
      end
      attacks[name] = true
    end
  end
  return attacks
end

local function flat_count(result)
  local count = 0
  for _, flat in ipairs(result.flat or {}) do count = count + (flat and 1 or 0) end
  return count
end

-- A result as it is drawn: the share with its interval, and whether it proves anything.
local function cell_of(result, show, convention)
  local counts = result:counts()
  local held = convention.held(counts, result.params.dmax ~= 0)
  local cell = wilson(show == "evaded" and counts.evaded or held, #result)
  cell.masked = masked({ flat = { m = { flat_count(result) } }, counts = { m = { counts } } }, "m", 1)
  return cell
end

local function distance_of(dmax)
  if type(dmax) ~= "number" then return dmax and "dmax " .. dmax or "any distance" end
  return dmax < math.huge and ("dmax %g"):format(dmax) or "any distance"
end

-- What all results have in common: "l2, dmax 1, 100 samples".
local function budget_of(subject)
  local norm, dmax, n
  for _, by_attack in pairs(subject) do
    for _, result in pairs(by_attack) do
      local params = result.params
      local d = distance_of(params.dmax)
      if norm == nil then norm, dmax, n = params.norm, d, #result end
      norm, dmax, n = norm == params.norm and norm, dmax == d and dmax, n == #result and n
    end
  end
  return ("%s, %s, %s"):format(norm or "several norms", dmax or "several distances",
    n and ("%d samples"):format(n) or "several sets of samples")
end

local function view_of(where, subject, options)
  local attacks = check_results(where, subject)
  local show = options.show == nil and "robust" or options.show
  if show ~= "robust" and show ~= "evaded" then
    values.expected(where, "show", '"robust" or "evaded"', show)
  end
  if show == "evaded" and options.rejection ~= nil then
    values.fail("%s: rejection: what evades is accepted, by every convention; leave it out", where)
  end
  local convention = convention_of(where, options.rejection)
  local view = { models = names_of(where, "models", subject, options),
    attacks = names_of(where, "attacks", attacks, options), cells = {},
    words = show == "evaded" and "evaded" or convention.words }
  for _, model in ipairs(view.models) do
    view.cells[model] = {}
    for _, name in ipairs(view.attacks) do
      local result = subject[model][name]
      local cell = result and cell_of(result, show, convention)
      view.cells[model][name] = cell
      view.masked = view.masked or cell and cell.masked
    end
  end
  return view
end

local function words_of(names)
  local words = {}
  for k, name in ipairs(names) do words[k] = tostring(name) end
  return words
end

local function longest_of(names)
  local longest = 0
  for _, name in ipairs(names) do longest = math.max(longest, LETTER * width_of(tostring(name))) end
  return longest
end

-- ---- Bars -----------------------------------------------------------------------------------------

-- The cells of one attack, model by model: where they stand, and lines of their intervals with gaps between.
local function series_of(view, k)
  local series = { x = {}, y = {}, line_x = {}, line_y = {}, masked_x = {}, masked_y = {} }
  local count = #view.attacks
  for i, model in ipairs(view.models) do
    local cell = view.cells[model][view.attacks[k]]
    local x = i + (k - (count + 1) / 2) * 0.8 / count
    series.x[i], series.y[i] = x, cell and cell.estimate or 0 / 0
    for _, y in ipairs(cell and { cell.low, cell.high, 0 / 0 } or {}) do
      series.line_x[#series.line_x + 1], series.line_y[#series.line_y + 1] = x, y
    end
    if cell and cell.masked then
      series.masked_x[#series.masked_x + 1], series.masked_y[#series.masked_y + 1] = x, cell.estimate
    end
  end
  return series
end

local function draw_bars(panel, view)
  local told = false
  for k, name in ipairs(view.attacks) do
    local series = series_of(view, k)
    panel:bars(series.x, series.y, { label = tostring(name), width = 0.72 / #view.attacks,
      color = BARS[(k - 1) % #BARS + 1] })
    panel:line(series.line_x, series.line_y, { color = "black", width = 1.2 })
    if #series.masked_x > 0 then
      panel:scatter(series.masked_x, series.masked_y, { label = not told and MASKED or nil, color = "black",
        point = 6, size = 1.6 })
      told = true
    end
  end
end

local function bars(view, options)
  local room = style.legend_width(MASKED)
  for _, name in ipairs(view.attacks) do room = math.max(room, style.legend_width(tostring(name))) end
  local group = math.max(70, 26 * #view.attacks, longest_of(view.models) + 16)
  local fig = figures.new { title = view.title, right = room,
    width = options.width or wide_enough(view, #view.models * group + 110 + room),
    height = options.height or 320 + style.figure_title }
  local panel = fig[1]
  draw_bars(panel, view)
  panel.legend = "right"
  panel.xtics = { at = {}, words = words_of(view.models) }
  panel.xrange, panel.yrange = { 0.5, #view.models + 0.5 }, { 0, 1.03 }
  panel.ylabel = view.words
  return fig
end

-- ---- A map ----------------------------------------------------------------------------------------

local function draw_cell(panel, cell, column, row)
  local color = cell.estimate > 0.6 and "#000000" or "white"
  panel:text(column, row, ("%.1f %%%s\n%.0f to %.0f"):format(100 * cell.estimate, cell.masked and " *" or "",
    100 * cell.low, 100 * cell.high), { color = color, size = 9.5, room = 0.96, lines = 2 })
end

local function map(view, options)
  local shares = {}
  local fig = figures.new { title = view.title, width = 100, height = 100 }
  local panel = fig[1]
  for i, model in ipairs(view.models) do
    shares[i] = {}
    for k, name in ipairs(view.attacks) do
      local cell = view.cells[model][name]
      shares[i][k] = cell and cell.estimate or 0 / 0
      if cell then draw_cell(panel, cell, k, i) end
    end
  end
  panel:heatmap(shares, { low = 0, high = 1, map = "heat", colorbar = false })
  local left = 24 + longest_of(view.models)
  panel.margin = { left = left, right = 16, top = 14, bottom = 52 }
  panel.xlabel = view.words
  panel.xtics = { at = {}, words = words_of(view.attacks) }
  panel.ytics = { at = {}, words = words_of(view.models) }
  panel.xrange, panel.yrange = { 0.5, #view.attacks + 0.5 }, { #view.models + 0.5, 0.5 }
  fig.width = options.width or wide_enough(view, 86 * #view.attacks + left + 16)
  local below = longest_of(view.attacks) -- turned, if they are longer than a cell is wide
  fig.height = options.height or 52 * #view.models + 66 + style.figure_title
    + (below > 80 and 0.65 * math.min(below, 160) or 0)
  panel.least = 44 * #view.models
  return fig
end

local function figure(where, subject, options)
  local view = view_of(where, subject, options)
  local kind = options.kind == nil and "bars" or options.kind
  if kind ~= "bars" and kind ~= "map" then values.expected(where, "kind", '"bars" or "map"', kind) end
  view.title = options.title or ("%s, 95 %% intervals%s"):format(budget_of(subject),
    kind == "map" and view.masked and "; * masked" or "")
  return (kind == "map" and map or bars)(view, options)
end

return { options = { "kind", "show", "rejection", "models", "attacks" }, figure = figure }
