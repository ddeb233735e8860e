-- luacheck: no max line length (tables of values, a line each)
-- perigee run.lua SEED CALLS SECONDS REPORT [FIRST [LAST [FROM]]] — call every function that the help knows with
-- hostile values: CALLS times each, or for so many seconds of processor time; and do as much with each kind of object.
-- The entries are counted; FIRST to LAST are called, the first one from its call FROM on. The same seed gives the same
-- calls.
--
-- Works in the current folder, which is to be an empty one. REPORT gets a line before each call ("entry call what"),
-- so that it ends with the one that ended the program, and "FAULT entry: …" behind those that went wrong.

package.path = arg[0]:match "^(.*)/[^/]*$" .. "/?.lua;" .. package.path

local entries = require "entries"
local help = require "perigee.help"
local judge = require "judge"
local kinds = require "perigee.kinds"
local objects = require "objects"
local Random = require "random"
local values = require "values"

local list = entries.all()
table.move(objects.all(), 1, #objects.all(), #list + 1, list)
if arg[1] == "count" then
  print(#list)
  return
end

local seed, calls_each, seconds_each = arg[1], tonumber(arg[2]), tonumber(arg[3])
local report = assert(io.open(arg[4], "a"))
report:setvbuf "no"
local HANG = tonumber(os.getenv "HOSTILE_HANG" or 5) -- seconds of processor time

local pool = {} -- { what, object }
local maker = values.maker(pool)
local figures = { calls = 0, refused = 0, faults = 0 }

local function fault(name, call, what)
  figures.faults = figures.faults + 1
  report:write(("FAULT %s: call %d: %s\n"):format(name, call, tostring(what):gsub("[%c]", "?"):sub(1, 700)))
end

-- ---- The pool ------------------------------------------------------------------------------------------

local POOL, LARGE = 60, 4096

local function is_large(value, kind) return kind == "array" and value.size > LARGE end

local function into_pool(value, depth)
  local kind = entries.kind(value)
  if kind and not kinds.is_closed(value) and not is_large(value, kind) then
    local at = #pool < POOL and #pool + 1 or 1 + figures.calls % POOL
    pool[at] = { "a " .. kind, value }
  elseif type(value) == "table" and depth < 3 then
    for _, member in next, value do into_pool(member, depth + 1) end
  end
end

-- ---- One call ------------------------------------------------------------------------------------------

-- The options among the arguments: the place of their table, which may be the one behind the last.
local function place_of_options(right)
  local last = right[right.n]
  if right.n > 0 and type(last) == "table" and not getmetatable(last) then return right.n end
  return right.n + 1
end

local function copy_of(t)
  local copy = {}
  for key, value in next, t do copy[key] = value end
  return copy
end

local changes = {}

-- One argument is another one.
function changes.argument(random, right, one)
  local most = math.max(right.n, #(one.entry.params or {}))
  if most == 0 then return changes.surplus(random, right, one) end
  local at = 1 + random:below(most)
  local value = maker.instead_of(random, right[at])
  right.n = math.max(right.n, at)
  right[at] = value[2]()
  return ("argument %d: %s"):format(at, value[1])
end

-- One option is another one.
function changes.option(random, right, one)
  local options = one.entry.options
  if not options or #options == 0 then return changes.argument(random, right, one) end
  local at = place_of_options(right)
  local table_of = at <= right.n and copy_of(right[at]) or {}
  local words = {}
  for _ = 1, random:chance(75) and 1 or 2 do
    local name = random:pick(options)[1]
    local value = maker.instead_of(random, table_of[name])
    table_of[name] = value[2]()
    words[#words + 1] = ("%s = %s"):format(name, value[1])
  end
  right[at], right.n = table_of, math.max(right.n, at)
  return table.concat(words, ", ")
end

-- A member of a table in an argument is another one.
function changes.member(random, right, one)
  local places = {}
  local function look(holder, at, depth)
    local t = holder[at]
    if type(t) ~= "table" or getmetatable(t) or depth > 3 then return end
    for key in next, t do places[#places + 1] = { holder, at, key, depth } end
    for key in next, t do look(t, key, depth + 1) end
  end
  for i = 1, right.n do look(right, i, 1) end
  if #places == 0 then return changes.option(random, right, one) end
  table.sort(places, function(a, b)
    if a[4] ~= b[4] then return a[4] < b[4] end
    return tostring(a[3]) < tostring(b[3])
  end)
  local holder, at, key = table.unpack(random:pick(places), 1, 3)
  local copy = copy_of(holder[at])
  local value = random:chance(6) and { "nil", function() end } or maker.instead_of(random, copy[key]) -- a hole
  copy[key] = value[2]()
  if rawequal(holder, right) then
    holder[at] = copy
  else
    local before = copy_of(holder[at]) -- the example's own table gets it back
    holder[at][key] = copy[key]
    right.restore = function()
      for name in next, holder[at] do holder[at][name] = before[name] end
      for name, member in next, before do holder[at][name] = member end
    end
  end
  return ("member %s: %s"):format(tostring(key), value[1])
end

function changes.surplus(random, right)
  local more = random:pick { 1, 2, 5, 200 }
  local value = maker.any(random)
  local first = random:chance(50) and right.n + 1 or random:below(right.n + 1) + 1
  local made = value[2]()
  for i = first, first + more - 1 do right[i] = made end
  right.n = math.max(right.n, first + more - 1)
  return ("%d arguments from %d: %s"):format(more, first, value[1])
end

function changes.fewer(random, right)
  right.n = random:below(right.n + 1)
  return ("the first %d arguments"):format(right.n)
end

function changes.all(random, right)
  local words = {}
  for i = 1, math.max(right.n, 1) do
    local value = maker.any(random)
    right[i], words[i] = value[2](), value[1]
  end
  right.n = math.max(right.n, 1)
  return table.concat(words, ", ")
end

-- Two arguments are one, or the place of results is a sample's.
function changes.alias(random, right, one)
  if right.n < 2 then return changes.argument(random, right, one) end
  local from, to = 1 + random:below(right.n), 1 + random:below(right.n)
  right[to] = right[from]
  if random:chance(30) and entries.kind(right[from]) == "array" then
    local ok, view = pcall(function() return right[from].T end)
    right[to] = ok and view or right[to]
  end
  return ("argument %d at %d"):format(from, to)
end

-- A table of options that is odd as a whole.
function changes.options(random, right)
  local at = place_of_options(right)
  local t = at <= right.n and copy_of(right[at]) or {}
  local how = random:below(5)
  if how == 0 then t[1.5] = 1 end
  if how == 1 then t[t] = t end
  if how == 2 then t["no such option"] = 1 end
  if how == 3 then t["a\0b%s\xff" .. ("x"):rep(random:below(3) * 1000)] = 1 end
  if how == 4 then t = values.odd_metatable(random, maker.any, t) end
  right[at], right.n = t, math.max(right.n, at)
  return "odd options " .. how
end

local SHARES = { { "argument", 34 }, { "option", 66 }, { "member", 76 }, { "surplus", 81 }, { "fewer", 84 },
  { "all", 91 }, { "alias", 96 }, { "options", 100 } }

-- What is ordered and would be done, however long it takes: many repeats, seconds of bench.
local WORK = { repeats = true, max_iter = true, epochs = true, restarts = true, draws = true, candidates = true }

local function bound_work(holder)
  for name in next, WORK do
    local n = rawget(holder, name)
    if math.type(n) and n > 20 and n < 2 ^ 31 then rawset(holder, name, 20) end
  end
end

local function bounded(right, one)
  for i = 1, right.n do
    if type(right[i]) == "table" and not rawequal(right[i], _G) then bound_work(right[i]) end
  end
  if one.name ~= "bench" then return end
  if right.n == 1 then right.n, right[2] = 2, nil end
  if right[2] == nil or math.type(right[2]) and right[2] > 0.01 then right[2] = 0.01 end
end

local function change(random, right, one)
  local n, what = random:below(100), nil
  for _, share in ipairs(SHARES) do
    if n < share[2] then
      what = changes[share[1]](random, right, one)
      break
    end
  end
  bounded(right, one)
  return what
end

-- ---- Ways to call ---------------------------------------------------------------------------------------

local ways = {}

function ways.plain(right) return table.pack(pcall(right.f, table.unpack(right, 1, right.n))) end

-- In a coroutine, which what it calls may leave: then once more, with garbage, until it ends.
function ways.coroutine(right)
  local thread = coroutine.create(function(...) return right.f(...) end)
  local answer = table.pack(coroutine.resume(thread, table.unpack(right, 1, right.n)))
  for _ = 1, 5 do
    if coroutine.status(thread) ~= "suspended" then break end
    values.calls = values.calls + 1
    answer = table.pack(coroutine.resume(thread, 0 / 0))
  end
  if coroutine.status(thread) == "suspended" then coroutine.close(thread) end
  return answer
end

-- While a gradient is recorded.
function ways.recorded(right)
  local answer
  pcall(grad.value, function(x)
    answer = table.pack(pcall(right.f, table.unpack(right, 1, right.n)))
    return (x * x):sum()
  end, array.ones(2))
  return answer
end

local with_code = { attack = true, pull = true, preprocess = true, pipeline = true } -- of users, may be

-- Is there a function among the values, or in a table of them? What that says begins as it likes.
local function has_function(value, depth)
  if type(value) == "function" or with_code[entries.kind(value)] then return true end
  if type(value) ~= "table" or depth > 3 then return false end
  for _, member in next, value do
    if has_function(member, depth + 1) then return true end
  end
  return false
end

-- The names that its messages may begin with.
local function names_of(one, right)
  local names = { one.name, "perigee." .. one.name }
  local owner, key = one.name:match "^([%w_]+)[.:]([%w_]+)$"
  if owner then
    names[2], names[3] = owner .. ":" .. key, owner .. "." .. key
    for kind, parent in pairs(help.parents) do
      if parent == owner then names[#names + 1] = kind .. ":" .. key end
    end
    local kind = entries.kind(right[1])
    if kind then names[#names + 1] = kind .. ":" .. key end
  end
  return names
end

local fields_of = {}
local function fields(kind)
  if not fields_of[kind] then
    local names = {}
    for name in pairs(help.members(kind, false)) do names[#names + 1] = name end
    table.sort(names)
    fields_of[kind] = names
  end
  return fields_of[kind]
end

local function judge_refusal(one, call, right, before, what, raised)
  figures.refused = figures.refused + 1
  local odd = what:find "metatable" or what:find "odd options"
  local example = type(raised) == "string" and raised:match "^([^\n]-):%d+: " == one.name -- a line of its own
  local wrong = judge.message(raised, names_of(one, right), odd, example)
  if wrong and has_function(table.move(right, 1, right.n, 1, {}), 1) then
    wrong = judge.message(raised, nil, odd, example)
  end
  if not wrong and values.calls == 0 then
    local changed = judge.changed(before)
    wrong = changed and ("changes a%s, though it fails"):format(changed:find "^[aeiou]" and "n " .. changed
      or " " .. changed)
  end
  if wrong then fault(one.name, call, ("%s: %s: %s"):format(what, wrong, tostring(raised))) end
end

local function judge_answer(one, call, answer, what)
  for i = 2, math.min(answer.n, 4) do
    local kind = entries.kind(answer[i])
    local wrong = kind and judge.touch(answer[i], fields(kind))
    if wrong then fault(one.name, call, ("%s: the answer's %s"):format(what, wrong)) end
  end
end

local function make_call(one, call, calls)
  local random = Random.of(seed, one.name, call)
  local chosen = random:pick(calls)
  local right = table.move(chosen, 1, chosen.n, 1, { n = chosen.n, f = chosen.f })
  local what = change(random, right, one)
  local way = random:pick { "plain", "plain", "plain", "plain", "plain", "plain", "plain", "coroutine", "coroutine", "recorded" }
  report:write(("CALL %s %d %s, %s\n"):format(one.name, call, way, (what:gsub("%c", "?"))))
  values.calls = 0
  local before = judge.before(right, random:chance(30))
  local start = os.clock()
  local answer = ways[way](right)
  local took = os.clock() - start
  figures.calls = figures.calls + 1
  if took > 0.3 then report:write(("# %.1f s\n"):format(took)) end
  if took > HANG then fault(one.name, call, ("%s: takes %.1f s"):format(what, took)) end
  if right.restore then right.restore() end
  if not answer then return end
  if answer[1] then
    judge_answer(one, call, answer, what)
    if values.calls == 0 and random:chance(20) then into_pool(answer[2], 1) end
  else
    judge_refusal(one, call, right, before, way .. ", " .. what, answer[2])
  end
  return judge.changed(before)
end

local globals = {}
for name, value in next, _G do globals[name] = value end

-- What a call has set, save and restore for one.
local function mend_globals()
  for name in next, _G do
    if globals[name] == nil then rawset(_G, name, nil) end
  end
  for name, value in next, globals do rawset(_G, name, value) end
end

-- ---- An object ------------------------------------------------------------------------------------------

local members_of = {}
local function members(kind)
  if not members_of[kind] then
    local names = {}
    for _, methods in ipairs { true, false } do
      for name in pairs(help.members(kind, methods)) do names[#names + 1] = name end
    end
    table.sort(names)
    members_of[kind] = names
  end
  return members_of[kind]
end

-- What is done with an object may fail in Lua's own words at the user's line, but not at one of the program's, and
-- leaves it as it was.
local function judge_deed(one, call, what, before, raised, free, by_hand)
  figures.refused = figures.refused + 1
  local wrong = not by_hand and judge.message(raised, nil, true, free)
  local changed = not by_hand and values.calls == 0 and what ~= "closed twice" and judge.changed(before)
  if changed and not wrong then wrong = "changes it, though it fails" end
  if wrong then fault(one.name, call, ("%s: %s: %s"):format(what, wrong, tostring(raised))) end
end

local function do_something(one, call, object)
  local random = Random.of(seed, one.name, call)
  local what, f, free, by_hand = objects.deed(random, members, object, maker.any)
  local way = random:pick { "plain", "plain", "plain", "coroutine", "recorded" }
  report:write(("CALL %s %d %s, %s\n"):format(one.name, call, way, (what:gsub("%c", "?"))))
  values.calls = 0
  local before, start = judge.before({ n = 1, object }, true), os.clock()
  local answer = ways[way] { n = 0, f = f }
  local took = os.clock() - start
  figures.calls = figures.calls + 1
  if took > HANG then fault(one.name, call, ("%s: takes %.1f s"):format(what, took)) end
  if not answer then return end
  if not answer[1] then return judge_deed(one, call, what, before, answer[2], free, by_hand) end
  local kind = not by_hand and entries.kind(object)
  local wrong = kind and judge.touch(object, fields(kind))
  if wrong then fault(one.name, call, ("%s: then %s"):format(what, wrong)) end
end

local FEW = 10 -- calls after which there is a new one

local function use_object(one, from)
  local start, object = os.clock(), nil
  for call = from, calls_each do
    if os.clock() - start > seconds_each then break end
    if object == nil or call % FEW == 0 or objects.is_closed(object) then object = one.make() end
    do_something(one, call, object)
    mend_globals()
  end
  collectgarbage()
end

-- ---- An entry ------------------------------------------------------------------------------------------

local FRESH = 250 -- calls after which the example runs again, if no call has changed an argument before

-- What is asked for may be many samples: a few of each class do, and where they are attacked again and again one, by
-- attacks that may not ask much.
local LESS = { samples = 3, repeats = 1, budget = 100 }

local function less_work(holder, depth, again)
  local most = again and 8 or 40
  for key, value in next, holder do
    if again and LESS[key] and math.type(value) then holder[key] = math.min(value, LESS[key]) end
    if entries.kind(value) == "dataset" and not kinds.is_closed(value) and #value > most then
      holder[key] = value:per_class(math.max(1, most // #value.classes))
    elseif again and entries.kind(value) == "attack" then
      holder[key] = value:with { max_queries = 20 }
    elseif type(value) == "table" and not getmetatable(value) and depth < 2 then
      less_work(value, depth + 1, again)
    end
  end
end

local function call_entry(one, from)
  local start, since, calls, most = os.clock(), FRESH, {}, 3
  for call = from, calls_each do
    if os.clock() - start > seconds_each then break end
    if since >= FRESH then
      since = 0
      calls = entries.right_calls(one, most)
      most = #calls
      for _, right in ipairs(calls) do less_work(right, 1, one.name:find "^evaluate") end
      if #calls == 0 then return report:write(("# %s: its example calls it not\n"):format(one.name)) end
      for _, right in ipairs(calls) do into_pool({ table.unpack(right, 1, right.n) }, 1) end
    end
    since = make_call(one, call, calls) and FRESH or since + 1
    mend_globals()
  end
  collectgarbage()
end

-- ---- Memory and descriptors --------------------------------------------------------------------------------

local MOST_MEGABYTES = 16 -- of Lua's memory, which an entry may leave for good
local MOST_FILES = 5 -- those to gnuplot, which stays

local function descriptors()
  local files = io.popen "ls /proc/$PPID/fd 2> /dev/null | wc -l"
  local count = tonumber(files:read "a")
  files:close()
  return count
end

local function megabytes()
  collectgarbage()
  collectgarbage()
  return collectgarbage "count" / 1024
end

-- An entry's calls, behind which there are no more open files than before, nor much more memory; those of few calls
-- are not looked at.
local function watched(one, use, from)
  if calls_each < 500 then return use(one, from) end
  local files, memory = descriptors(), megabytes()
  use(one, from)
  local more, grown = descriptors() - files, megabytes() - memory
  if more > MOST_FILES then fault(one.name, calls_each, ("leaves %d open files"):format(more)) end
  if grown > MOST_MEGABYTES then fault(one.name, calls_each, ("leaves %.1f MB"):format(grown)) end
end

local first, last, from = tonumber(arg[5]) or 1, tonumber(arg[6]) or #list, tonumber(arg[7]) or 1

into_pool(objects.pool(), 1)
for i = first, math.min(last, #list) do
  local start = os.clock()
  watched(list[i], list[i].make and use_object or call_entry, i == first and from or 1)
  report:write(("DONE %d %s %.3f\n"):format(i, list[i].name, os.clock() - start))
end
report:write(("FIGURES %d entries, %d calls, %d refused, %d faults, %.1f s\n"):format(#list, figures.calls,
  figures.refused, figures.faults, os.clock()))
report:close()
