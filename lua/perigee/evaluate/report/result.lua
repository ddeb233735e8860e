-- The section of an attack's result: its counts, its parts, what it proves, some runs, what has evaded.

local diagnose = require "perigee.diagnose"
local diagnosis_of = require "perigee.evaluate.report.diagnosis"
local json = require "perigee.json"
local markup = require "perigee.markup"
local native = require "perigee.native"
local parts = require "perigee.evaluate.report.parts"
local printer = require "perigee.printer"
local text = require "perigee.text"
local values = require "perigee.plot.values"

local heading, name_of, paragraph = parts.heading, markup.name, parts.paragraph

local MOST_IMAGES, MOST_RUNS = 10, 2 -- that were found; of these, and of those that held

-- Positions of the samples that the attack has found, and of those that held.
local function found_and_held(result)
  local found, held, verdict, hit = {}, {}, result.verdict, result.hit
  for i = 1, #result do
    if hit and hit[i] or not hit and verdict[i] == "evaded" then found[#found + 1] = i
    elseif verdict[i] == "correct" or verdict[i] == "rejected" then held[#held + 1] = i end
  end
  return found, held
end

local function first(list, most)
  return table.move(list, 1, math.min(#list, most), 1, {})
end

-- "pgd on nr, l2, dmax 1", in markup.
local function subject_of(result)
  local params = result.params
  return ("%s on %s, %s%s"):format(name_of(result.attack), name_of(result.model), markup.text(params.norm),
    params.dmax and ", dmax " .. (type(params.dmax) == "number" and "%g" or "%s"):format(params.dmax) or "")
end

-- ---- Counts --------------------------------------------------------------------------------------

local function counts_table(result)
  local after, before, n, rows = result:counts(), {}, #result, {}
  for _, verdict in ipairs(result.start_verdict) do before[verdict] = (before[verdict] or 0) + 1 end
  local function add(title, was, now)
    local share, interval = parts.share(now, n)
    rows[#rows + 1] = { verdict = title, before = was, after = now, share = share, interval = interval }
  end
  for _, verdict in ipairs(native.verdicts) do
    if verdict ~= "failed" or after.failed > 0 then
      add(verdict == "wrong" and "wrong before" or verdict, before[verdict] or 0, after[verdict])
    end
  end
  if after.hit then add("hit the target", nil, after.hit) end
  return markup.table({ { title = "verdict", words = true }, { title = "before" }, { title = "after" },
    { title = "share", show = "%.3f" }, { title = "95 % interval", of = "interval" } }, { rows })
end

local function robust_sentence(report, result)
  local held, n = report.convention.held(result:counts(), true), #result
  local share, interval = parts.share(held, n)
  return paragraph("%d of %s held: %s %.3f (95 %%: %s).", held, parts.plural(n, "sample"),
    markup.text(report.convention.words), share, interval)
end

local function distance_sentence(result, found)
  if #found == 0 then return "" end
  local distances = {}
  for k, i in ipairs(found) do distances[k] = result.distance[i] end
  table.sort(distances)
  local middle = (distances[(#found + 1) // 2] + distances[#found // 2 + 1]) / 2
  return paragraph("Distances (%s) of the samples it has found: least %.4g, median %.4g, largest %.4g.",
    markup.text(result.params.norm), distances[1], middle, distances[#found])
end

-- What it has cost, and what ended the runs.
local function cost_sentence(result)
  local evaluations, by_stop, stops = result.evaluations, {}, {}
  for _, stop in ipairs(result.stop) do by_stop[stop] = (by_stop[stop] or 0) + 1 end
  for stop, count in pairs(by_stop) do stops[#stops + 1] = ("%s %d"):format(stop, count) end
  table.sort(stops)
  return paragraph("Queries of a sample, on average: %.1f scores, %.1f gradients. What ended the runs: %s.",
    evaluations.scores:sum() / #result, evaluations.gradients:sum() / #result,
    markup.text(table.concat(stops, ", ")))
end

-- ---- Parts ---------------------------------------------------------------------------------------

local part_columns = {
  { title = "part", words = true }, { title = "samples" }, { title = "evaded" }, { title = "left" },
  { title = "scores" }, { title = "gradients" }, { title = "seconds", show = "%.2f" },
  { title = "what it is", of = "text", words = true },
}

-- Those of a part that has parts itself come behind it, as 1.1, 1.2, …
local function add_parts(rows, list, before)
  for k, part in ipairs(list or {}) do
    local row = { part = ("%s%d %s"):format(before, k, tostring(part.name)) }
    for _, column in ipairs(part_columns) do
      local key = column.of or column.title
      if row[key] == nil then row[key] = part[key] end
    end
    rows[#rows + 1] = row
    add_parts(rows, part.params and part.params.parts, ("%s%d."):format(before, k))
  end
  return rows
end

-- Only columns that some part has something in.
local function parts_table(result)
  local rows, columns = add_parts({}, result.parts, ""), {}
  if #rows == 0 then return "" end
  for _, column in ipairs(part_columns) do
    if parts.has(rows, column.of or column.title) then columns[#columns + 1] = column end
  end
  local whole = result.params.taken_from
  local title = whole and ("Parts, on all %d samples of the run"):format(whole) or "Parts"
  return heading(title) .. "\n" .. markup.table(columns, { rows })
end

-- ---- Figures -------------------------------------------------------------------------------------

local RUNS = "Some runs of %s. By iterate: the loss, and the confidence of the classes that matter. "
  .. "Samples %s."

local function runs_figure(report, result, found, held)
  local runs, which = {}, {}
  for k, list in ipairs { first(found, MOST_RUNS), first(held, MOST_RUNS) } do
    for _, i in ipairs(list) do runs[#runs + 1] = result[i] end
    if #list > 0 then
      which[#which + 1] = ("%s: %s"):format(k == 1 and "found" or "held", text.positions(list))
    end
  end
  if #runs == 0 then return "" end
  return parts.figure(report, "attack", runs, { label = "loss, confidence and images of a few samples",
    options = { names = report.names },
    caption = RUNS:format(subject_of(result), table.concat(which, "; ")) })
end

local IMAGES = "The first that were found by %s, with labels and distances: samples %s."

-- Only images have such a figure.
local function images_figure(report, result, found)
  if #found == 0 or not values.image_shape(result.shape, result.x0.shape[2]) then return "" end
  local shown = first(found, MOST_IMAGES)
  return parts.figure(report, "attacks", result:take(shown), {
    label = "samples before and after the attack, and the difference", options = { names = report.names },
    caption = IMAGES:format(subject_of(result), text.positions(shown, MOST_IMAGES)) })
end

-- ---- All of it -----------------------------------------------------------------------------------

-- An option's value; what is infinite is JSON's null. Bounds may be as many numbers as a sample has features.
local function shown(value)
  if type(value) == "table" and #value > 16 and type(value[1]) == "number" then
    return ("%d numbers from %g to %g"):format(#value, values.range { value })
  end
  if type(value) == "table" then return json.text(value) end
  if type(value) == "userdata" then return "inf" end
  return type(value) == "number" and printer.number(value) or tostring(value)
end

local function settings(result)
  local rows = { { setting = "model", value = result.model } }
  for name, value in pairs(result.params) do
    if name ~= "parts" then rows[#rows + 1] = { setting = name, value = shown(value) } end
  end
  table.sort(rows, function(a, b) return a.setting < b.setting end)
  return heading("Settings") .. "\n" .. parts.settings(rows)
end

--- The title and the parts of its section.
return function(report, result)
  local found, held = found_and_held(result)
  local diagnosis = diagnose(result)
  return "Attack: " .. subject_of(result), {
    robust_sentence(report, result), distance_sentence(result, found), cost_sentence(result),
    counts_table(result), parts_table(result), heading "What it proves", diagnosis_of.alarms(diagnosis),
    result:counts().failed > 0 and parts.failed or "",
    runs_figure(report, result, found, held), images_figure(report, result, found),
    diagnosis_of.indicators(diagnosis, false), settings(result),
  }
end
