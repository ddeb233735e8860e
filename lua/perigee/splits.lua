-- Datasets in parts that have all classes alike: methods beside those in C.

local arguments = require "perigee.arguments"
local blame = require "perigee.blame"
local kinds = require "perigee.kinds"

local methods = debug.getregistry()["perigee.dataset"].methods
local split, folds = methods.split, methods.folds

local splits = {}

-- Whether the option says so, and the others.
local function without_stratified(where, options, default)
  options = arguments.only(where, options, { "stratified", "seed" })
  if options.stratified == nil then return default, options end
  if type(options.stratified) ~= "boolean" then
    arguments.expected(where, "stratified", "true or false", options.stratified)
  end
  return options.stratified, { seed = options.seed }
end

-- How many of each class (counts, in the order of the list) go to the first part, of `total`: the share of
-- each rounded down, and what is left over to those that lost most.
local function quotas(counts, share, total)
  local quota, order, left = {}, {}, total
  for c, count in ipairs(counts) do
    quota[c], order[c] = math.floor(share * count + 1e-9), c
    left = left - quota[c]
  end
  table.sort(order, function(a, b)
    local lost, less = share * counts[a] - quota[a], share * counts[b] - quota[b]
    if math.abs(lost - less) > 1e-9 then return lost > less end
    return a < b
  end)
  for i = 1, left do quota[order[i]] = quota[order[i]] + 1 end
  return quota
end

--- Two random parts; stratified, each class is divided by the share.
function splits.split(ds, share, options, ...)
  local stratified, rest = without_stratified("dataset:split", options, false)
  if not stratified or not kinds.is(ds, "dataset") or not (math.type(share) and share > 0 and share < 1) then
    return blame.call(split, ds, share, rest, ...)
  end
  local whole = blame.call(methods.shuffle, ds, rest)
  local labels, places, counts = whole.y:totable(), {}, {}
  for c, label in ipairs(whole.classes) do places[label], counts[c] = c, 0 end
  for _, label in ipairs(labels) do counts[places[label]] = counts[places[label]] + 1 end
  local quota = quotas(counts, share, math.floor(share * #labels + 1e-9))
  local first, second = {}, {}
  for i, label in ipairs(labels) do
    local c = places[label]
    local part = quota[c] > 0 and first or second
    part[#part + 1], quota[c] = i, quota[c] - 1
  end
  return whole:take(first), whole:take(second)
end

--- The fold of each sample, 1 to k.
function splits.folds(ds, k, options, ...)
  local stratified, rest = without_stratified("dataset:folds", options, true)
  if stratified or not kinds.is(ds, "dataset") then return blame.call(folds, ds, k, rest, ...) end
  return blame.call(folds, ds:with { y = array.zeros(#ds, { dtype = "i32" }) }, k, rest, ...)
end

return splits
