-- plot.security: security evaluation curves: accuracy and, where anything is rejected, the rejection rate
-- against the size of the perturbation, one line per model; dashed with noise of the same size instead of
-- the attack.
--
-- The repeats of an evaluation, or a list of evaluations (with other seeds or other data, of the same models
-- and radii), are drawn as means with a band: their 95 % confidence interval, or their range.
--
-- A circle marks counts that prove nothing, because the attack's gradient had vanished (perigee/masked.lua).
-- What counts as held is the option `rejection`, a convention that the axis names: see conventions.lua.
-- measure = NAME draws a measure of the evaluation (evaluate/measures.lua) instead of the rates.
-- With panels = "attack" there is a panel of accuracies for each attack, side by side, instead of a dash.

local convention_of = require "perigee.conventions"
local figures = require "perigee.plot.figure"
local masked = require "perigee.masked"
local style = require "perigee.plot.style"
local theme = require "perigee.plot.theme"
local values = require "perigee.plot.values"

local MASKED = "masked"

-- What an interrupted evaluation did not reach is a gap in the curve, as is a measure that is NaN. It may
-- have fewer samples of one model than of another.
local function rates(counts, dmax, convention)
  local accuracy, rejection = {}, {}
  for k, d in ipairs(dmax) do
    local c = counts and counts[k]
    accuracy[k], rejection[k] = 0 / 0, 0 / 0
    if c then accuracy[k], rejection[k] = convention.shares(c, d > 0) end
  end
  return accuracy, rejection
end

-- Student's t for a 95 % interval by degrees of freedom; from 30 on nearly that of a normal distribution.
local T95 = { 12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228, 2.201, 2.179, 2.160,
  2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086, 2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048,
  2.045 }

-- What is drawn of a line: its measure, or its accuracy and its rejection rate; nil if it has none.
-- drawn: noise (that instead of the attack), convention, measure (its name).
local function lists_of(view, name, drawn)
  if drawn.measure then
    local found = (drawn.noise and view.measured_noise or view.measured)[name]
    return found and found[drawn.measure]
  end
  local counts = (drawn.noise and view.noise or view.counts)[name]
  if counts then return rates(counts, view.dmax, drawn.convention) end
end

-- Mean, low and high over the repetitions, position by position; what one of them lacks is left out there.
-- kind: "confidence" or "range"; shares end at 0 and 1.
local function summary(lists, kind, shares)
  local mean, low, high = {}, {}, {}
  for k = 1, #lists[1] do
    local sum, squares, n, least, most = 0, 0, 0, math.huge, -math.huge
    for _, list in ipairs(lists) do
      local v = list[k]
      if v == v then
        sum, squares, n = sum + v, squares + v * v, n + 1
        least, most = math.min(least, v), math.max(most, v)
      end
    end
    mean[k] = n > 0 and sum / n or 0 / 0
    local variance = n > 1 and math.max(0, (squares - n * mean[k] ^ 2) / (n - 1)) or 0
    local reach = n > 1 and (T95[n - 1] or 1.96) * math.sqrt(variance / n) or 0
    low[k], high[k] = mean[k] - reach, mean[k] + reach
    if kind == "range" and n > 0 then low[k], high[k] = least, most end
    if shares then low[k], high[k] = math.max(0, low[k]), math.min(1, high[k]) end
  end
  return mean, low, high
end

local function draw_rate(panel, lists, look, drawn)
  local mean, low, high = summary(lists, drawn.band, not drawn.measure)
  if #lists > 1 then panel:band(drawn.dmax, low, high, { color = look.color, alpha = 0.18 }) end
  panel:line(drawn.dmax, mean, look)
end

local DASHES = { 1, 4, 5, 3, 2 }

-- Which model and attack the i-th line of a view is of, and its mark.
local function line_of(view, i)
  return view.lines and view.lines[i] or { model = i, attack = 1, mark = i }
end

-- A model has its colour; where there are several attacks each has its dash and its mark, or its panel. Where
-- the colours begin again the dash is the next one, and the mark the one before.
local function look_of(view, i, noise)
  local name, line, split = view.models[i], line_of(view, i), view.attacks ~= nil
  if split then name = view.names[line.model] end
  local turn = (line.model - 1) // #style.colours
  local mark = split and line.model or line.mark or line.attack
  return {
    label = noise and name .. ", noise" or name, width = noise and 1.5 or 2, size = noise and 0.4 or 0.7,
    dash = noise and 2 or DASHES[((split and 0 or line.attack - 1) + turn) % #DASHES + 1],
    color = style.colours[(line.model - 1) % #style.colours + 1],
    point = style.points[(mark - 1 - turn) % #style.points + 1],
  }
end

-- The panel of accuracies that the i-th line of a view is in.
local function panel_of(fig, view, i)
  return fig[view.attacks and line_of(view, i).attack or 1]
end

-- The i-th line of the views. drawn: as of lists_of, and dmax, band.
local function draw_line(fig, views, i, drawn)
  local first, second = {}, {}
  for _, view in ipairs(views) do
    local n = #first + 1
    first[n], second[n] = lists_of(view, views[1].models[i], drawn)
  end
  if #first == 0 then return end
  local look, panel = look_of(views[1], i, drawn.noise), panel_of(fig, views[1], i)
  if panel.index > 1 then look.label = nil end
  draw_rate(panel, first, look, drawn)
  look.label = nil
  if #fig > 1 and not views[1].attacks then draw_rate(fig[2], second, look, drawn) end
end

local function draw(fig, views, options, convention)
  for _, noise in ipairs { false, true } do
    local drawn = { noise = noise, band = options.band, convention = convention, dmax = views[1].dmax,
      measure = options.measure }
    for i in ipairs(views[1].models) do draw_line(fig, views, i, drawn) end
  end
end

local function any_masked(view)
  for _, name in ipairs(view.models) do
    for k = 1, #view.dmax do
      if masked(view, name, k) then return true end
    end
  end
  return false
end

-- Circles around the points that prove nothing in one repetition or more, and their words in the legend.
local function draw_masked(fig, views, drawn)
  local dmax, points = views[1].dmax, {}
  for i, name in ipairs(views[1].models) do
    local lists, found, panel = {}, {}, panel_of(fig, views[1], i)
    for _, view in ipairs(views) do
      lists[#lists + 1] = lists_of(view, name, drawn)
      for k = 1, #dmax do found[k] = found[k] or masked(view, name, k) end
    end
    local mean = #lists > 0 and summary(lists) or {}
    local at = points[panel.index] or { panel = panel, x = {}, y = {} }
    points[panel.index] = at
    for k, d in ipairs(dmax) do
      if found[k] then at.x[#at.x + 1], at.y[#at.y + 1] = d, mean[k] end
    end
  end
  local look = { color = "black", point = 6, size = 1.8 }
  for p = 1, #fig do
    local at = points[p]
    if at and #at.x > 0 then
      at.panel:scatter(at.x, at.y, look)
      look.label = MASKED
    end
  end
  if look.label then
    look.color, look.width, look.dash = style.black, 0, 1
    table.insert(fig[1].entries, look)
  end
end

-- One evaluation as the figure needs it.
local function view_of(where, security, options)
  if type(security) ~= "table" then
    values.expected(where, "security", "the result of evaluate.security", security)
  end
  for _, key in ipairs { "models", "dmax", "counts", "n" } do
    local value = security[key]
    if type(value) ~= (key == "n" and "number" or "table") and type(value) ~= "userdata" then
      values.fail("%s: expected the result of evaluate.security, got a value without '%s'", where, key)
    end
  end
  for _, name in ipairs(values.list(where, "models", security.models)) do
    local first = type(security.counts[name]) == "table" and security.counts[name][1]
    if type(name) ~= "string" or (first ~= nil and type(first) ~= "table") then
      values.expected(where, "counts", "what evaluate.security counts of each of the models", security.counts)
    end
    if not options.rejection and first and not first.robust then
      values.fail("%s: these counts are an earlier program's, which did not count what was wrong before the "
        .. "attack: give rejection = \"paper\"", where)
    end
  end
  values.numbers(where, "dmax", security.dmax)
  return { models = values.list(where, "models", security.models), n = security.n,
    dmax = values.list(where, "dmax", security.dmax), counts = security.counts,
    flat = security.flat, lines = security.lines, norm = security.norm, measured = security.measured,
    measured_noise = options.noise ~= false and security.measured_noise or {},
    noise = options.noise ~= false and security.noise or {} }
end

-- What a figure with a panel for each attack is divided by: the attacks' names, and the models' without them.
local function divide(where, security, views)
  local one = type(security) == "table" and security.models == nil and security[1] or security
  if type(one.attacks) ~= "table" then
    values.fail("%s: panels: only what evaluate.security gives knows its attacks", where)
  end
  for _, view in ipairs(views) do view.attacks, view.names = one.attacks, one.models end
end

-- Evaluations as a list: each repeat of one that was made of several, and of each attack, is one.
local function flattened(securities)
  local list = {}
  for _, one in ipairs(securities) do
    local views = type(one) == "table" and type(one.views) == "function" and one:views() or { one }
    table.move(views, 1, #views, #list + 1, list)
  end
  return list
end

-- A list of evaluations, or one; all of the same radii.
local function views_of(where, security, options)
  if type(security) ~= "table" then
    values.expected(where, "security", "the result of evaluate.security", security)
  end
  local alone = security.models ~= nil or security[1] == nil
  local views = {}
  for i, one in ipairs(flattened(alone and { security } or security)) do
    views[i] = view_of(where, one, options)
    if table.concat(views[i].dmax, " ") ~= table.concat(views[1].dmax, " ") then
      values.fail("%s: repetition %d has other radii (dmax) than the first", where, i)
    end
  end
  return views
end

-- The attack (but where each panel has its own), its norm and how much was attacked; nothing of tables that
-- do not say it.
local function title_of(security, views)
  local one = type(security) == "table" and security.models == nil and security[1] or security
  if not one.attack or not one.norm then return nil end
  return ("%s%s, %d samples%s"):format(views[1].attacks and "" or one.attack .. ", ", one.norm, views[1].n,
    #views > 1 and (", %d times"):format(#views) or "")
end

-- The room that the legend takes; the fonts that stand in for Arial are wider.
local function room_for(views)
  local view, room = views[1], 0
  for _, name in ipairs(view.names or view.models) do
    room = math.max(room, style.legend_width(next(view.noise) and name .. ", noise" or name))
  end
  for _, one in ipairs(views) do
    if any_masked(one) then room = math.max(room, style.legend_width(MASKED)) end
  end
  return room + 8
end

-- What stands at the axes, and above the panels of attacks.
local function label(fig, view, convention, measure)
  for i = 1, #fig do
    fig[i].xlabel = view.norm and ("dmax (%s)"):format(view.norm) or "dmax"
    fig[i].ylabel = measure or (i == 1 or view.attacks) and convention.words or "rejection rate"
    if not measure then fig[i].yrange = { -0.03, 1.03 } end
    if view.attacks then fig[i].title = view.attacks[i] end
  end
  fig[1].legend = fig.right and "right" or true
end

-- Has any model rejected anything?
local function any_rejected(views)
  for _, view in ipairs(views) do
    for _, counts in ipairs { view.counts, view.noise } do
      for _, list in pairs(counts) do
        for k = 1, #view.dmax do
          if list[k] and (list[k].rejected or 0) > 0 then return true end
        end
      end
    end
  end
  return false
end

-- One for each attack; else that of accuracies, and where something is rejected that of rejections. With
-- options.alone (plot.live in a terminal) the first alone.
local function panels_for(views, options)
  if views[1].attacks then return #views[1].attacks end
  return (options.alone or options.measure or not any_rejected(views)) and 1 or 2
end

-- Panels side by side; on narrow paper one below the other, the legend above them.
local function empty_figure(where, views, options, title)
  local paper, count, room = theme.paper(where, options), panels_for(views, options), room_for(views)
  local above = (title and style.figure_title or 0) + (views[1].attacks and 20 or 0)
  if theme.is_narrow(paper, count, 280) then
    return figures.new { rows = count, title = title, width = paper.width,
      height = options.height or (230 * count + above) * paper.scale }
  end
  return figures.new { columns = count, title = title, right = room,
    width = options.width or 360 * count + room, height = options.height or 300 + above }
end

-- Every evaluation has to have the measure that is asked for.
local function check_measure(where, security, measure)
  for _, one in ipairs(measure and (security.models == nil and security or { security }) or {}) do
    local names = type(one.measures) == "table" and one.measures or {}
    local there = false
    for _, name in ipairs(names) do there = there or name == measure end
    if not there then
      values.expected(where, "measure", #names == 0 and "an evaluation with measures (option measures)"
        or "one of the evaluation's measures, " .. table.concat(names, ", "), measure)
    end
  end
end

local function figure(where, security, options)
  local views = views_of(where, security, options)
  local convention = convention_of(where, options.rejection)
  local band = values.option(where, options, "band", "string", "confidence")
  if band ~= "confidence" and band ~= "range" then
    values.expected(where, "band", '"confidence" or "range"', band)
  end
  local panels = values.option(where, options, "panels", "string", "rates")
  if panels ~= "rates" and panels ~= "attack" then
    values.expected(where, "panels", '"rates" or "attack"', panels)
  end
  check_measure(where, security, values.option(where, options, "measure", "string"))
  if panels == "attack" then divide(where, security, views) end
  local fig = empty_figure(where, views, options, options.title or title_of(security, views))
  draw(fig, views, options, convention)
  draw_masked(fig, views, { convention = convention, measure = options.measure })
  label(fig, views[1], convention, options.measure)
  return fig
end

return { options = { "noise", "rejection", "band", "panels", "measure" }, figure = figure }
