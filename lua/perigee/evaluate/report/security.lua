-- The section of an evaluation: its curves, its counts in a table, by repeat too, thresholds, settings.

local markup = require "perigee.markup"
local masked = require "perigee.masked"
local parts = require "perigee.evaluate.report.parts"

local alarm, heading, name_of, paragraph = parts.alarm, parts.heading, markup.name, parts.paragraph

local function number(value) return ("%g"):format(value) end

local function numbers(list)
  local words = {}
  for i, value in ipairs(list) do words[i] = number(value) end
  return table.concat(words, ", ")
end

local function facts(security)
  local rate = security.rejection_rate
  return paragraph("%s, dmax %s; %s in %s. %s", markup.text(security.norm), numbers(security.dmax),
    parts.plural(security.n, "sample"), parts.plural(#security.seeds, "repeat"),
    rate and ("Thresholds are set to reject %g %% of samples that are not attacked."):format(100 * rate)
      or "Models have the thresholds they came with.")
end

-- ---- What proves nothing -------------------------------------------------------------------------

-- "dnr under pgd at dmax 1, 2", in markup.
local function masked_places(security)
  local places = {}
  for _, attack in ipairs(security.attacks) do
    for _, model in ipairs(security.models) do
      local radii = {}
      for k, d in ipairs(security.dmax) do
        if masked(security.by_attack[attack], model, k) then radii[#radii + 1] = number(d) end
      end
      if #radii > 0 then
        places[#places + 1] = ("%s under %s at dmax %s"):format(name_of(model), name_of(attack),
          table.concat(radii, ", "))
      end
    end
  end
  return places
end

local MASKED = "More than a twentieth of the runs that failed there had lost their gradient (circles in the "
  .. "figure, “masked” in the table): the attack was blind, which does not make the model robust. Try "
  .. "attack.auto, or evaluate.diagnose."

local function warnings(security)
  local list, places = {}, masked_places(security)
  if security.interrupted then
    list[1] = alarm("Interrupted", {}, "It was stopped before its end: only finished pieces are counted.")
  end
  if security.unlabelled then
    list[#list + 1] = alarm("No labels", {},
      "What each model answers before the attack is taken for the truth.")
  end
  if #places > 0 then
    list[#list + 1] = alarm("Masked gradients: these counts prove nothing", places, MASKED)
  end
  return table.concat(list, "\n")
end

-- ---- Tables --------------------------------------------------------------------------------------

local function is_masked(security, row, k)
  local view = security.by_attack[row.attack] or row.attack == "all" and security
  return view and masked(view, row.model, k)
end

-- Its rows, with the share that the convention counts: all, and in groups of one model and attack.
local function rows_of(security, convention)
  local rows, groups, place = security:rows(), {}, {}
  for k, d in ipairs(security.dmax) do place[d] = k end
  for _, row in ipairs(rows) do
    local last = groups[#groups]
    if not last or last[1].model ~= row.model or last[1].attack ~= row.attack then
      last = {}
      groups[#groups + 1] = last
    end
    row.share, row.interval = parts.share(convention.held(row, row.dmax > 0), row.samples, row.different)
    row.masked = is_masked(security, row, place[row.dmax]) and "masked" or nil
    last[#last + 1] = row
  end
  return rows, groups
end

-- asked: the names of measures.
local function counts_table(rows, groups, convention, asked)
  local columns = {
    { title = "model", words = true, once = true }, { title = "attack", words = true, once = true },
    { title = "dmax", show = number }, { title = "samples" }, { title = "correct" }, { title = "rejected" },
    { title = "wrong before", of = "wrong" }, { title = "evaded" },
  }
  local function add(column) columns[#columns + 1] = column end
  if parts.has(rows, "failed", 0) then add { title = "failed" } end
  add { title = convention.words, of = "share", show = "%.3f" }
  add { title = "95 % interval", of = "interval" }
  for _, name in ipairs(asked) do add { title = name, of = name, show = "%.4g" } end
  add { title = "queries", show = "%.1f" }
  add { title = "seconds", show = "%.2f" }
  if parts.has(rows, "masked") then add { title = "note", of = "masked", words = true } end
  return markup.table(columns, groups)
end

-- A column for each repeat, by its seed.
local function by_seed(security, show, ...)
  local columns = { ... }
  for i, seed in ipairs(security.seeds) do
    columns[#columns + 1] = { title = ("seed %d"):format(seed), of = i, show = show }
  end
  return columns
end

-- Each repeat's share, a row a model (under each attack) and radius.
local function repeats_table(security, convention)
  local views, groups = security:views(), {}
  for l, line in ipairs(views[1].models) do
    groups[l] = {}
    for k, d in ipairs(security.dmax) do
      local row = { model = line, dmax = d }
      for i, view in ipairs(views) do
        local counts = view.counts[line][k]
        row[i] = counts and convention.shares(counts, d > 0)
      end
      groups[l][k] = row
    end
  end
  return markup.table(by_seed(security, "%.3f", { title = "model", words = true, once = true },
    { title = "dmax", show = number }), groups)
end

local function thresholds(security)
  local rows = {}
  for _, model in ipairs(security.models) do
    local of_seed = security.thresholds[model]
    local row = of_seed and { model = model }
    for i, seed in ipairs(of_seed and security.seeds or {}) do row[i] = of_seed[seed] end
    rows[#rows + 1] = row
  end
  if #rows == 0 then return "" end
  return heading("Thresholds") .. "\n"
    .. markup.table(by_seed(security, "%.6g", { title = "model", words = true }), { rows })
end

local function settings(security)
  local rows = {}
  for i, setting in ipairs(security.settings) do rows[i] = { setting = setting[1], value = setting[2] } end
  rows[#rows + 1] = { setting = "seeds of the repeats", value = table.concat(security.seeds, ", ") }
  rows[#rows + 1] = { setting = "run by", value = security.written_by }
  return heading("Settings") .. "\n" .. parts.settings(rows)
end

-- ---- The figure ----------------------------------------------------------------------------------

-- "pgd 76, auto 446": what a sample has taken on average, of the model that took most.
local function budgets(security, rows)
  local most, words = {}, {}
  for _, row in ipairs(rows) do most[row.attack] = math.max(most[row.attack] or 0, row.queries) end
  for i, attack in ipairs(security.attacks) do
    words[i] = ("%s %.0f"):format(name_of(attack), most[attack] or 0)
  end
  return table.concat(words, ", ")
end

local CAPTION = "%s, against dmax (%s)%s%s. Queries (scores and gradients) of a sample, on average, of the "
  .. "model that took most: %s."

local function curves(report, security, rows)
  local lines = #security.attacks > 1 and "; colours are models, dashes and marks attacks"
    or security.has_noise and "; dashed: random noise of the same size" or ""
  local bands = #security.seeds > 1 and "; bands: 95 % confidence over the repeats" or ""
  -- the figure has a second panel where anything is rejected
  local words = markup.text(report.convention.words)
  local shown = parts.has(rows, "rejected", 0) and ("First: %s; second: the rejection rate"):format(words)
    or "The " .. words
  return parts.figure(report, "security", security, {
    options = { rejection = report.rejection }, label = report.convention.words .. " against dmax",
    caption = CAPTION:format(shown, markup.text(security.norm), bands, lines, budgets(security, rows)),
  })
end

local function measure_curves(report, security, name)
  return parts.figure(report, "security", security, {
    options = { measure = name }, label = name .. " against dmax",
    caption = ("%s against dmax (%s)."):format(name_of(name), markup.text(security.norm)),
  })
end

-- ---- All of it -----------------------------------------------------------------------------------

--- The title and the parts of its section.
return function(report, security)
  local convention, list = report.convention, { facts(security), warnings(security) }
  local function add(words) list[#list + 1] = words end
  local rows, groups = rows_of(security, convention)
  if #rows == 0 then
    add(paragraph "No piece of it was finished: there is nothing to count.")
  else
    if parts.has(rows, "failed", 0) then add(parts.failed) end
    add(curves(report, security, rows))
    for _, name in ipairs(security.measures or {}) do add(measure_curves(report, security, name)) end
    add(heading "Counts")
    add(counts_table(rows, groups, convention, security.measures or {}))
    add(paragraph("Intervals are Wilson’s, over all repeats. Queries are those of a sample on average, up to "
      .. "this dmax; seconds those of all radii."))
  end
  if #rows > 0 and #security.seeds > 1 then
    add(heading("By repeat: " .. convention.words))
    add(repeats_table(security, convention))
  end
  add(thresholds(security))
  add(settings(security))
  return "Security evaluation: " .. name_of(security.attack), list
end
