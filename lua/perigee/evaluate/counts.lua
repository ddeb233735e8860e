-- Counts by verdict of groups of cells (cells.lua): of one model and one repeat, under some attacks, the
-- worst counting. They are made of whole columns, since an evaluation can have millions of samples.

local cells = require "perigee.evaluate.cells"
local piece = require "perigee.evaluate.piece"

local counts = {}

local number_of = {}
for i, name in ipairs(piece.verdicts) do number_of[name] = i end

-- Do all cells have the same samples in one order?
local function are_aligned(group)
  for c = 2, #group do
    if not array.equal(group[1].rows.at, group[c].rows.at) then return false end
  end
  return true
end

-- For each cell the places of the samples that all of them have; nil where these are all, in order.
local function places_of(group)
  if are_aligned(group) then return nil end
  local places = {}
  for c in ipairs(group) do places[c] = {} end
  for i, row in ipairs(cells.shared(group)) do
    for c, place in ipairs(row) do places[c][i] = place end
  end
  return places
end

-- Column k (where there are any) of each cell's rows of that name; nothing of a cell that has none.
local function columns(group, places, name, k)
  local list = {}
  for c, cell in ipairs(group) do
    local rows = cell.rows[name]
    if rows and k then rows = rows:slice(nil, k) end
    if rows then list[#list + 1] = places and rows:take(places[c]) or rows end
  end
  return list
end

-- cells.worst of every sample.
local function worst(verdicts)
  local now, evaded = verdicts[1], verdicts[1]:eq(piece.EVADED)
  for c = 2, #verdicts do
    now = array.where(now:eq(piece.FAILED), verdicts[c], now)
    evaded = evaded:maximum(verdicts[c]:eq(piece.EVADED))
  end
  return array.where(evaded, array.full(now.shape, piece.EVADED, { dtype = "i32" }), now)
end

-- How many samples have a number other than zero in one of the columns; in all of them.
local function count_any(list)
  local any = list[1]:ne(0)
  for c = 2, #list do any = any:maximum(list[c]:ne(0)) end
  return any:sum()
end

local function count_all(list)
  local all = list[1]:ne(0)
  for c = 2, #list do all = all * list[c]:ne(0) end
  return all:sum()
end

local function empty(targeted)
  local hit = targeted and 0 or nil
  return { correct = 0, rejected = 0, wrong = 0, evaded = 0, failed = 0, robust = 0, hit = hit }
end

-- Counts at the k-th radius, added to what is there; and how many of the runs that failed had lost their
-- gradient.
local function add(sums, group, places, k)
  local now = worst(columns(group, places, "verdict", k))
  for i, name in ipairs(piece.verdicts) do sums[name] = sums[name] + now:eq(i):sum() end
  local start = columns(group, places, "start")[1]
  local held = now:eq(number_of.correct) + now:eq(number_of.rejected)
  sums.robust = sums.robust + (start:eq(number_of.correct) * held):sum()
  local hits = columns(group, places, "hit", k)
  if sums.hit and #hits > 0 then sums.hit = sums.hit + count_any(hits) end
  return count_all(columns(group, places, "flat", k))
end

local function any_targeted(group)
  for _, cell in ipairs(group) do
    if cell.rows.hit then return true end
  end
  return false
end

--- Counts and flat counts by radius over these groups; empty where there are none.
function counts.of(groups, radii)
  local found, flat = {}, {}
  for k = 1, #groups > 0 and radii or 0 do found[k], flat[k] = empty(any_targeted(groups[1])), 0 end
  for _, group in ipairs(groups) do
    local places = places_of(group)
    local has_any = not places or #places[1] > 0
    for k = 1, has_any and radii or 0 do flat[k] = flat[k] + add(found[k], group, places, k) end
  end
  return found, flat
end

return counts
