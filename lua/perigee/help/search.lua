-- ??words: entries by what their words mean. Words are compared by their stems, stand for those that are like
-- them (perigee/help/words.lua), and are mended where nothing has them. Of what is found the entry that has
-- the words in its name comes first, then those that are known by them, then those whose text has them.

local words = require "perigee.help.words"
local help = require "perigee.help"

local search = {}

---------------------------------------------------------------------------------------------------
-- Words

local little = "a an the of to in on do i is it my and or for with from how what which by as at be into make "
  .. "them they their"
local passed_over = {}
for word in little:gmatch "%w+" do passed_over[word] = true end

local endings = {
  "ization", "isation", "ations", "ation", "ings", "ing", "ions", "ion", "ments", "ment", "ities", "ity",
  "ness", "ers", "er", "ors", "or", "ives", "ive", "ied", "ies", "ed", "es", "ly", "s", "e", "y",
}

-- The stem of a word in small letters: "reject" of rejecting, rejection, rejector, rejects.
local function stem(word)
  if #word < 4 or word:find("%d") then return word end
  for _, ending in ipairs(endings) do
    local root = word:sub(1, -#ending - 1)
    if #root >= 3 and word:sub(-#ending) == ending and not (ending == "s" and root:find("[su]$")) then
      local last = root:sub(-1)
      local doubled = #root > 3 and last == root:sub(-2, -2) and not last:find("[lsaeiou]")
      return doubled and root:sub(1, -2) or root
    end
  end
  return word
end

-- Words of a text; of a name with "_" also its parts.
local function each_word(text, f)
  for name in text:lower():gmatch("[%w_\128-\255]+") do
    f(name)
    if name:find("_", 1, true) then
      for part in name:gmatch("[^_]+") do f(part) end
    end
  end
end

local alike = {} -- stem → set of stems
for _, group in ipairs(words.alike) do
  for one in group:gmatch("%S+") do
    alike[stem(one)] = alike[stem(one)] or {}
    for other in group:gmatch("%S+") do alike[stem(one)][stem(other)] = true end
  end
end

---------------------------------------------------------------------------------------------------
-- The index

local index -- a list of { entry =, stems = stem → weight, order = }, made at the first question
local additions -- what help.additions was then
local known -- stem → a word that has it

local function add(item, text, weight)
  each_word(text, function(word)
    if passed_over[word] then return end -- "them" is no theme
    local root = stem(word)
    item.stems[root] = math.max(item.stems[root] or 0, weight)
    if weight >= 2 then known[root] = known[root] or word end
  end)
end

local function item_of(entry, module, order)
  local item = { entry = entry, stems = {}, order = order }
  local owner, member = entry.name:match("^(.-)[.:]?([%w_]+)$")
  add(item, member, 10)
  item.stems[stem(member:lower())] = 10.5 -- pgd before pgd_exp
  add(item, owner, member == "new" and 10.5 or 4)
  add(item, entry.words or "", 7)
  add(item, help.brief(entry), 3)
  add(item, entry.text, 1.5)
  for _, row in ipairs(entry.params or {}) do add(item, row[1] .. " " .. row[3], 1) end
  for _, row in ipairs(entry.options or {}) do
    add(item, row[1], 2)
    add(item, row[4] or "", 1)
  end
  add(item, table.concat(entry.see or {}, " "), 0.5)
  add(item, module.title .. " " .. (entry.group or ""), 1)
  return item
end

local function make_index()
  if index and additions == help.additions then return end
  index, known, additions = {}, {}, help.additions
  for _, module in ipairs(help.all()) do
    for _, entry in ipairs(module.entries) do index[#index + 1] = item_of(entry, module, #index) end
  end
end

---------------------------------------------------------------------------------------------------
-- Matching

local LEAST = 0.15 -- of the best score: less is not listed

-- How well a stem stands for one that was asked for.
local function likeness(asked, has)
  if has == asked then return 1 end
  if #asked >= 3 and has:sub(1, #asked) == asked then return 0.6 end
  if #has >= 5 and asked:sub(1, #has) == has then return 0.4 end
  return 0
end

local function weight_in(item, asked)
  local best = item.stems[asked] or 0
  for like in pairs(alike[asked] or {}) do
    if like ~= asked then best = math.max(best, 0.6 * (item.stems[like] or 0)) end
  end
  if best < 6 then
    for has, weight in pairs(item.stems) do
      if weight > best then best = math.max(best, weight * likeness(asked, has)) end
    end
  end
  return best
end

local function letters(word)
  local set = {}
  for i = 0, #word - 1 do set[(" " .. word .. " "):sub(i + 1, i + 3)] = true end
  return set
end

local function overlap(a, b)
  local both, all = 0, 0
  for three in pairs(a) do
    all = all + 1
    if b[three] then both = both + 1 end
  end
  for _ in pairs(b) do all = all + 1 end
  return 2 * both / all
end

-- How many letters were typed wrong: one that is another, too many, missing, or changed places with the next.
local function typos(a, b)
  local before, row = {}, {}
  for j = 0, #b do row[j] = j end
  for i = 1, #a do
    local next_row = { [0] = i }
    for j = 1, #b do
      local same = a:byte(i) == b:byte(j)
      next_row[j] = math.min(row[j] + 1, next_row[j - 1] + 1, row[j - 1] + (same and 0 or 1))
      local turned = i > 1 and j > 1 and a:byte(i) == b:byte(j - 1) and a:byte(i - 1) == b:byte(j)
      if turned then next_row[j] = math.min(next_row[j], before[j - 2] + 1) end
    end
    before, row = row, next_row
  end
  return row[#b]
end

local function words_known()
  local list = {}
  for _, one in pairs(known) do
    if #one >= 3 then list[#list + 1] = one end
  end
  table.sort(list)
  return list
end

-- How far the word is from a known one: between two at the same distance the one with its ending and its
-- first letter is nearer.
local function distance(word, one)
  local wrong = math.min(typos(word, one), typos(stem(word), stem(one)) + 0.5)
  return one:byte() == word:byte() and wrong or wrong + 0.6
end

local MOST = 40 -- bytes of a word that may be misspelt: what is longer takes long to compare

-- The word that was meant by one that nothing has and that looks misspelt: a letter, of long words two.
local function mended(word)
  if #word > MOST then return nil end
  local meant, least = nil, #word < 4 and 0 or #word < 8 and 2 or 3
  for _, one in ipairs(words_known()) do
    local far = distance(word, one)
    if far < least then meant, least = one, far end
  end
  return meant
end

-- The known word that shares the most of its letters with one that is no misspelling.
local function nearest_known(word)
  if #word > MOST then return nil end
  local meant, threes, most = nil, letters(word), 0
  for _, one in ipairs(words_known()) do
    local share = overlap(threes, letters(one))
    if share > most then meant, most = one, share end
  end
  return meant or perigee.nearest(word, words_known())
end

local function is_known(asked)
  for _, item in ipairs(index) do
    if weight_in(item, asked) > 0 then return true end
  end
  return false
end

-- The stems of a query; what was mended in it as "matrx → matrix".
local function stems_of(query)
  local list, mends, seen = {}, {}, {}
  each_word(query:gsub("[.:_]", " "), function(word)
    if passed_over[word] or seen[word] then return end
    seen[word] = true
    local root = stem(word)
    if not is_known(root) then
      local meant = mended(word)
      if meant then
        mends[#mends + 1] = ("%s → %s"):format(word, meant)
        root = stem(meant)
      end
    end
    list[#list + 1] = root
  end)
  return list, mends
end

-- The entries, best first, without those that merely mention what others are about.
local function ranked(hits)
  table.sort(hits, function(a, b)
    if a.score ~= b.score then return a.score > b.score end
    return a.order < b.order
  end)
  local list = {}
  for i, hit in ipairs(hits) do
    if hit.score >= LEAST * hits[1].score then list[i] = hit.entry end
  end
  return list
end

-- Entries with all of the stems, and those with some, each best first.
local function having(asked)
  local all, some = {}, {}
  for _, item in ipairs(index) do
    local score, found = 0, 0
    for _, root in ipairs(asked) do
      local weight = weight_in(item, root)
      score = score + weight
      if weight > 0 then found = found + 1 end
    end
    local hit = { entry = item.entry, order = item.order, score = score - (item.entry.kind and 0.5 or 0) }
    if #asked > 0 and found == #asked then
      all[#all + 1] = hit
    elseif found > 0 then
      hit.score = hit.score + 10 * found
      some[#some + 1] = hit
    end
  end
  return ranked(all), #all == 0 and ranked(some) or {}
end

-- The stem of what comes nearest to a word of the query, where nothing has any of them.
local function nearest_stems(query)
  for word in query:lower():gmatch "[%w\128-\255]+" do
    local meant = nearest_known(word)
    if meant then return { stem(meant) } end
  end
  return {}
end

--- Entries for the words: those that have all of them, best first; or else those that come near, best first;
--- and what was mended to find them. The two lists are never both filled.
function search.find(query)
  make_index()
  local asked, mends = stems_of(query)
  local all, some = having(asked)
  if #all + #some == 0 then some = having(nearest_stems(query)) end
  return all, some, mends
end

return search
