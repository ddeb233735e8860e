-- Where the tics of an axis stand and what is written at them: as many as have room for their words.
--
-- Tics are { at = places, texts = lines of words.lua, minor = places without words }.

local words = require "perigee.plot.words"

local tics = {}

-- No more than this many on one axis, however long it is.
local MOST = 9

-- A place as text: as many digits as tell one tic from the next.
local function number_text(value, step)
  if value == 0 then return "0" end
  local digits = math.floor(math.log(math.max(math.abs(value) / step, 1), 10) + 1e-9) + 2
  digits = math.max(6, math.min(15, digits))
  return (("%%.%dg"):format(digits):format(value):gsub(",", ".")) -- whatever the locale says
end

-- `step` tells how many digits matter.
local function labelled(places, step, size)
  local texts = {}
  for i, place in ipairs(places) do
    texts[i] = words.lines(number_text(place, step), { size = size, most = 1 })
  end
  return { at = places, texts = texts }
end

-- 1, 2 and 5 times a power of ten, the k-th; the 0th is 1.
local function nice(k)
  local mantissa = ({ 1, 2, 5 })[k % 3 + 1]
  return tonumber(("%de%d"):format(mantissa, k // 3))
end

local function multiples(low, high, step)
  local places, slack = {}, 1e-9 * (high - low)
  for k = math.ceil((low - slack) / step), math.floor((high + slack) / step) do
    places[#places + 1] = k == 0 and 0 or tonumber(("%.15g"):format(k * step))
  end
  return places
end

local function linear(low, high, look)
  local k = math.floor(3 * math.log((high - low) / MOST, 10)) - 1
  if look.whole then k = math.max(k, 0) end
  local found
  for j = k, k + 12 do
    local step = nice(j)
    if (high - low) / step <= MOST then
      local places = multiples(low, high, step)
      if #places == 0 then break end
      found = labelled(places, step, look.size)
      if #places == 1 or look.fits(found, step) then break end
    end
  end
  return found or { at = {}, texts = {} }
end

-- Powers of ten, and where there are few 2 and 5 times of them.
local function logarithmic(low, high, look)
  local first, last = math.ceil(math.log(low, 10) - 1e-9), math.floor(math.log(high, 10) + 1e-9)
  if last - first < 1 and high / low < 20 then
    local found = linear(low, high, look)
    if #found.at > 1 then return found end
  end
  local found
  for every = 1, math.max(1, last - first) do
    local places = {}
    for k = first, last do
      if (k - first) % every == 0 then places[#places + 1] = tonumber(("1e%d"):format(k)) end
    end
    found = labelled(places, math.huge, look.size)
    if #places <= MOST + 1 and look.fits(found) then break end
  end
  found.minor = {}
  if last - first <= 6 then
    for k = first - 1, last do
      for m = 2, 9 do
        local place = tonumber(("%de%d"):format(m, k))
        if place >= low and place <= high then table.insert(found.minor, place) end
      end
    end
  end
  return found
end

-- Those of numbers from low to high. look: size (of the letters), log, whole (numbers only),
-- fits(tics) tells whether they have room.
function tics.of_numbers(low, high, look)
  if low > high then low, high = high, low end
  if look.log and low > 0 then return logarithmic(low, high, look) end
  return linear(low, high, look)
end

local function shown(lines)
  local out = {}
  for _, line in ipairs(lines) do
    for _, atom in ipairs(line) do out[#out + 1] = atom.text or "" end
    out[#out + 1] = "\n"
  end
  return table.concat(out)
end

-- How many bytes the texts have in common at their beginning, in whole words.
local function common(texts)
  local length = #texts[1]
  for _, text in ipairs(texts) do
    while text:sub(1, length) ~= texts[1]:sub(1, length) do length = length - 1 end
  end
  return #(texts[1]:sub(1, length):match "^.*[%s_/-]" or "")
end

-- Names that were cut to the same words begin with what they have not in common.
local function told_apart(list, named, look)
  local groups = {}
  for i, lines in ipairs(list.texts) do
    local key = shown(lines)
    groups[key] = groups[key] or {}
    table.insert(groups[key], i)
  end
  for _, group in pairs(groups) do
    local texts = {}
    for k, i in ipairs(group) do texts[k] = words.flat(named.words[i]) end
    local same = #group > 1 and common(texts) or 0
    for k, i in ipairs(same > 0 and group or {}) do
      list.texts[i] = words.lines("…" .. texts[k]:sub(same + 1),
        { size = look.size, room = look.room, most = look.most or 1 })
    end
  end
end

-- Those of names: named = { at = places, words = texts }. room is that of each one's words; list.cut tells
-- that it is not enough.
function tics.of_names(named, look)
  local list = { at = {}, texts = {} }
  for i, text in ipairs(named.words) do
    list.at[i] = named.at[i]
    list.texts[i] = words.lines(words.flat(text),
      { size = look.size, room = look.room, most = look.most or 1 })
    list.cut = list.cut or list.texts[i].cut
  end
  if list.cut then told_apart(list, named, look) end
  return list
end

-- Every k-th of them.
function tics.thinned(list, k)
  local few = { at = {}, texts = {}, minor = list.minor }
  for i = 1, #list.at, k do
    table.insert(few.at, list.at[i])
    table.insert(few.texts, list.texts[i])
  end
  return few
end

-- The widest of their words, and the most lines that one has.
function tics.extent(list)
  local widest, most = 0, 0
  for _, lines in ipairs(list.texts) do
    for _, line in ipairs(lines) do widest = math.max(widest, line.width) end
    most = math.max(most, #lines)
  end
  return widest, most
end

-- Whether words on a line keep `gap` between them; place(x) is where they stand.
function tics.apart(list, place, gap)
  local ends
  local order = {}
  for i, at in ipairs(list.at) do
    local widest = 0
    for _, line in ipairs(list.texts[i]) do widest = math.max(widest, line.width) end
    order[i] = { x = place(at), half = widest / 2 }
  end
  table.sort(order, function(a, b) return a.x < b.x end)
  for _, one in ipairs(order) do
    if ends and one.x - one.half < ends + gap then return false end
    ends = one.x + one.half
  end
  return true
end

-- The least distance between two of them.
function tics.spacing(list, place)
  local xs, least = {}, math.huge
  for i, at in ipairs(list.at) do xs[i] = place(at) end
  table.sort(xs)
  for i = 2, #xs do least = math.min(least, xs[i] - xs[i - 1]) end
  return least
end

return tics
