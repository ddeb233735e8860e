-- attack.worst, and what a result that is made of several says of its parts: in its parameters, so that
-- files keep it, and where it is printed.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local json = require "perigee.json"
local kinds = require "perigee.kinds"
local printable = require("perigee.native").printable
local same_model = require "perigee.same_model"
local text = require "perigee.text"

local worst = {}

local result_type = debug.getregistry()["perigee.result"]

-- ---- Parameters ---------------------------------------------------------------------------------

-- As json.text takes it. A JSON number would round a seed; what is infinite is null in JSON.
local function plain(value, key)
  if type(value) == "table" then
    local copy = {}
    for name, member in pairs(value) do copy[name] = plain(member, name) end
    return copy
  end
  if key == "seed" then return tostring(value) end
  return type(value) == "userdata" and math.huge or value
end

-- What all parts that have run have in common: dmax, the bounds, …
local function common(parts)
  local same
  for _, part in ipairs(parts) do
    local params = part.params
    if params and not same then same = plain(params) end
    for name, value in pairs(params and same or {}) do
      local other = params[name]
      if other == nil or json.text { plain(other, name) } ~= json.text { value } then same[name] = nil end
    end
  end
  return same or {}
end

--- What is kept of a result that becomes part of another; `more` besides.
function worst.part(result, more)
  local part = {
    name = result.attack, samples = #result, evaded = result:counts().evaded, params = result.params,
    scores = result.evaluations.scores:sum(), gradients = result.evaluations.gradients:sum(),
  }
  for name, value in pairs(more or {}) do part[name] = value end
  return part
end

--- Each sample's worst answer (src/attack/worst.h). results: a list of { result, positions of its samples },
--- without positions where it is of all; about: { name =, where =, from_start =, interrupted =, ended =,
--- unpaid =, parts = (see worst.part), params = more parameters }.
function worst.merge(results, about)
  local params = common(about.parts)
  for name, value in pairs(about.params or {}) do params[name] = value end
  for _, one in ipairs(results) do
    if one[1].dmax then params.dmax = one[1].params.dmax end -- what they say where each sample has its own
  end
  params.attack, params.parts, params.taken_from = about.name, about.parts, nil
  return blame.call(result_type.worst, results, {
    name = about.name, where = about.where, from_start = about.from_start, interrupted = about.interrupted,
    ended = about.ended,
    unpaid = about.unpaid, params = json.text(plain(params)),
  })
end

-- ---- Parts of a set -----------------------------------------------------------------------------

local sums = { "samples", "evaded", "left", "scores", "gradients", "seconds" }

local joined_params

-- What one of the parts says that it did in several groups of samples.
local function joined_part(groups)
  local part, params = {}, {}
  for _, group in ipairs(groups) do params[#params + 1] = group.params end
  for name, value in pairs(groups[1]) do part[name] = value end
  for _, name in ipairs(type(part.samples) == "number" and sums or {}) do
    part[name] = 0
    for _, group in ipairs(groups) do part[name] = part[name] + (group[name] or 0) end
  end
  part.params = params[1] and joined_params(params)
  return part
end

local function joined_parts(list)
  local parts, most = {}, 0
  for _, params in ipairs(list) do most = math.max(most, #params.parts) end
  for k = 1, most do
    local groups = {}
    for _, params in ipairs(list) do groups[#groups + 1] = params.parts[k] end
    parts[k] = joined_part(groups)
  end
  return parts
end

-- Of those of the groups in which a part has run what they agree in: it is what all parts that ran have in
-- common.
function joined_params(list)
  if not list[1].parts then return list[1] end
  local ran = {}
  for _, params in ipairs(list) do
    local any = false
    for _, part in ipairs(params.parts) do any = any or part.params ~= nil end
    if any then ran[#ran + 1] = params end
  end
  local same = plain(ran[1] or list[1])
  for _, params in ipairs(ran) do
    for name, value in pairs(same) do
      local other = params[name]
      if name ~= "parts" and (other == nil or json.text { plain(other, name) } ~= json.text { value }) then
        same[name] = nil
      end
    end
  end
  same.parts = joined_parts(list)
  return same
end

--- One result of those of the groups of a set, in their order, all by one attack with one seed.
function worst.joined(results)
  if not results[1].source then return result_type.join(results) end
  local list = {}
  for i, result in ipairs(results) do list[i] = result.params end
  return result_type.join(results, json.text(plain(joined_params(list))))
end

-- ---- Printing -----------------------------------------------------------------------------------

local columns = {
  { "samples", "%.0f" }, { "evaded", "%.0f" }, { "left", "%.0f" }, { "scores", "%.0f" },
  { "gradients", "%.0f" }, { "seconds", "%.2f" },
}

-- A line for each part, those of a part that has parts itself behind it.
local function add_lines(lines, parts, shown, indent)
  for k, part in ipairs(parts) do
    local line = { ("%s%d %s"):format(indent, k, text.name(tostring(part.name))) }
    for _, column in ipairs(shown) do
      local value = part[column[1]]
      line[#line + 1] = type(value) == "number" and column[2]:format(value) or ""
    end
    lines[#lines + 1] = line
    add_lines(lines, part.params and part.params.parts or {}, shown, indent .. "  ")
  end
end

-- Of some samples of a result: what is said of its parts is of their whole runs.
local function parts_text(result)
  local parts, whole = result.parts, result.params.taken_from
  local shown, head = {}, { "part" .. (whole and (" (on all %d samples)"):format(whole) or "") }
  for _, column in ipairs(columns) do
    if parts[1] and parts[1][column[1]] ~= nil then
      shown[#shown + 1] = column
      head[#head + 1] = column[1]
    end
  end
  local lines = { head }
  add_lines(lines, parts, shown, "")
  return text.aligned(lines, 1)
end

local line_of = result_type.__tostring

function result_type.__tostring(result)
  local line = line_of(result)
  if not result.source then return line end
  if #result ~= 1 then return line .. "\n" .. parts_text(result) end
  local part = result.parts[result.source[1]]
  local first, rest = line:match "^([^\n]*)(.*)$"
  return part and ("%s, by %s%s"):format(first, printable(tostring(part.name)), rest) or line
end

-- ---- attack.worst -------------------------------------------------------------------------------

--- Each sample's worst answer over several results on the same samples.
function worst.of(results)
  local where = "attack.worst"
  if type(results) ~= "table" or #results == 0 then
    arguments.expected(where, "results", "a list of results, { r1, r2 }", results)
  end
  local options = arguments.only(where, arguments.beside(where, results), { "name", "same_model" })
  local name, same, list, parts = options.name, options.same_model, {}, {}
  if same ~= nil and type(same) ~= "boolean" then
    arguments.expected(where, "same_model", "true or false", same)
  end
  if name ~= nil and type(name) ~= "string" then arguments.expected(where, "name", "a string", name) end
  for k = 1, arguments.count(results) do
    local result = results[k]
    if not kinds.is(result, "result") then
      arguments.expected(where, ("number %d"):format(k), "an attack's result", result)
    end
    list[k], parts[k] = { result }, worst.part(result)
  end
  local merged = worst.merge(list, { name = printable(name or "worst"), where = where, parts = parts })
  if not same then
    same_model.check(where, results, function(k) return ("results %d and 1"):format(k) end)
  end
  return merged
end

return worst
